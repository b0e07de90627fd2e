import type { ChatRequest } from './chat-request.ts';
import { readMessages } from '../content.ts';
import { chatFields, fieldsWithoutEffect, unsupportedFields } from '../fields.ts';
import { invalid, paramOf, show, shownName } from '../invalid-request.ts';
import { LongText } from '../long-text.ts';

export interface ParseOptions {
  /** Accept top-level fields that nobody knows. */
  readonly allowExtraFields: boolean;
}

/**
 * Reads the JSON body of a chat completion request. `null` means that a field was left out. Throws `invalid_request` or
 * `unsupported_parameter`; the error's `param` names the field.
 */
export function parseChatRequest(body: unknown, { allowExtraFields }: ParseOptions): ChatRequest {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw invalid('', `The body must be a JSON object with messages, not ${show(body)}.`);
  }
  const given = Object.fromEntries(
    Object.entries(body)
      .filter(([, value]) => value !== null)
      .map(([name, value]: [string, unknown]) => [name, value instanceof LongText ? value.toString() : value]),
  );
  checkOtherFields(given, allowExtraFields);
  const parsed = chatFields.safeParse(given);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw invalid(paramOf(issue?.path ?? []), issue?.message ?? parsed.error.message);
  }
  const fields = parsed.data;
  return {
    model: fields.model,
    messages: readMessages(given['messages']),
    sampling: withoutUndefined({
      temperature: fields.temperature,
      topP: fields.top_p,
      topK: fields.top_k === 0 ? -1 : fields.top_k,
      minP: fields.min_p,
      seed: fields.seed,
      frequencyPenalty: fields.frequency_penalty,
      presencePenalty: fields.presence_penalty,
      repetitionPenalty: fields.repetition_penalty,
    }),
    maxTokens: fields.max_completion_tokens ?? fields.max_tokens,
    stop: typeof fields.stop === 'string' ? [fields.stop] : (fields.stop ?? []),
    template: { variables: {}, addGenerationPrompt: true, continueFinalMessage: false },
    ignoreEos: fields.ignore_eos ?? false,
    skipSpecialTokens: true,
    cacheSalt: fields.cache_salt ?? '',
    stream: fields.stream ?? false,
    includeUsage: fields.stream_options?.include_usage ?? false,
  };
}

function checkOtherFields(given: Readonly<Record<string, unknown>>, allowExtraFields: boolean): void {
  for (const [name, value] of Object.entries(given)) {
    const asksForNothing = Object.hasOwn(unsupportedFields, name) ? unsupportedFields[name] : undefined;
    if (asksForNothing !== undefined) {
      if (asksForNothing(value)) continue;
      throw invalid(
        name,
        `${name}: ${show(value)} is not supported by this server. Leave it out.`,
        'unsupported_parameter',
      );
    }
    if (Object.hasOwn(chatFields.shape, name) || name === 'messages') continue;
    if (fieldsWithoutEffect.has(name) || allowExtraFields) continue;
    throw invalid(
      shownName(name),
      `${shownName(name)} is not a field of a chat completion request. Leave it out, or start the server with --allow-extra-request-fields.`,
    );
  }
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function withoutUndefined<T extends object>(fields: T): Defined<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<T>;
}
