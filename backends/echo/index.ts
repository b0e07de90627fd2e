import type { Backend } from '../../src/backend/index.ts';
import { createEchoBackend } from './echo-backend.ts';

export { createEchoBackend } from './echo-backend.ts';
export type { EchoHooks } from './echo-hooks.ts';

/** A backend without a model, for trying clients and the server: it repeats the last user message. */
const echo: Backend = createEchoBackend();
export default echo;
