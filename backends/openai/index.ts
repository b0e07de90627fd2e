import type { Backend } from '../../src/backend/index.ts';
import { createOpenAiBackend } from './openai-backend.ts';

export { createOpenAiBackend } from './openai-backend.ts';
export type { OpenAiBackendOptions } from './openai-backend.ts';

/** A backend without an engine of its own: it passes requests on to servers of the OpenAI API. */
const openai: Backend = createOpenAiBackend();
export default openai;
