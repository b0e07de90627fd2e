import type { Backend } from '../../src/backend/index.ts';
import { createEchoBackend } from './echo-backend.ts';

export { createEchoBackend } from './echo-backend.ts';
export type { EchoHooks } from './echo-hooks.ts';

/** A backend without a model, to try a client or the server with: it says back what the user said last. */
const echo: Backend = createEchoBackend();
export default echo;
