import { openaiErrors } from '../error-format.ts';
import { errorJson } from '../error-json.ts';
import type { ErrorJson } from '../error-json.ts';
import { sseEvent } from '../answer/sse-event.ts';
import type { ErrorFormat } from '../wire-format.ts';

/** OpenAI's error object, where the conversation is the field `input`. */
export function responsesErrorJson(error: unknown): ErrorJson {
  const { error: told } = errorJson(error);
  return { error: told.param === 'messages' ? { ...told, param: 'input' } : told };
}

/** Of the routes of the Responses API. */
export const responsesErrors: ErrorFormat = {
  schema: openaiErrors.schema,
  json: (error) => responsesErrorJson(error),
  text: (error) => sseEvent(JSON.stringify(responsesErrorJson(error))),
};
