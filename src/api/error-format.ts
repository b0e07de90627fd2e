import { sseEvent } from './answer/sse-event.ts';
import { errorJson } from './error-json.ts';
import type { ErrorFormat } from './wire-format.ts';

/** OpenAI's, which all routes have that belong to no other format. */
export const openaiErrors: ErrorFormat = {
  json: (error) => errorJson(error),
  text: (error) => sseEvent(JSON.stringify(errorJson(error))),
};
