import type { GenerateRequest, PromptRequest } from '../../../src/backend/index.ts';
import type { Dialect } from '../dialect.ts';
import { formatFields } from './format-fields.ts';
import { limitFields } from './limit-fields.ts';
import type { UrlOf } from './message-json.ts';
import { messagesJson } from './message-json.ts';
import { askedSampling, samplingFields } from './sampling-fields.ts';
import { templateFields } from './template-fields.ts';
import { toolFields } from './tool-fields.ts';

/**
 * The fields of a chat completion that is streamed, but for the model and the messages. Throws `unsupported_capability`
 * for what the dialect has no field for.
 */
export function chatFields(request: GenerateRequest, dialect: Dialect): Record<string, unknown> {
  return {
    stream: true,
    stream_options: { include_usage: true },
    ...samplingFields(askedSampling(request), dialect),
    ...limitFields(request, dialect),
    ...promptFields(request, dialect),
    ...(request.logProbs === undefined ? {} : { logprobs: true, top_logprobs: request.logProbs }),
  };
}

/** What decides the prompt, but for the messages. */
export function promptFields(request: PromptRequest, dialect: Dialect): Record<string, unknown> {
  return {
    ...templateFields(request, dialect),
    ...toolFields(request.tools),
    ...formatFields(request.format, dialect),
  };
}

/** The body of a chat completion, as JSON. */
export function chatBody(
  request: Pick<GenerateRequest, 'messages'>,
  { fields, model, dialect, urlOf }: BodyOptions,
): string {
  return JSON.stringify({ model, messages: messagesJson(request.messages, dialect, urlOf), ...fields });
}

export interface BodyOptions {
  /** Of `chatFields`. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** The upstream's name of the model. */
  readonly model: string;
  readonly dialect: Dialect;
  readonly urlOf: UrlOf;
}
