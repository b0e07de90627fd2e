import type { Attachment } from './attachment.ts';
import { answerIn } from './conversation.ts';
import type { Turn } from './conversation.ts';
import type { JsonRecord } from './json.ts';
import type { Model } from './model.ts';
import { checkSchema } from './schema.ts';
import { numberIn } from './settings.ts';
import type { Settings } from './settings.ts';

export interface ChatRequestOptions {
  readonly model: Model;
  readonly settings: Settings;
  /** The turns before the question, and the column whose answers they have. */
  readonly history: readonly Turn[];
  readonly column: number;
  readonly question: string;
  readonly attachments: readonly Attachment[];
  /** The data URI of an attachment; undefined if its bytes are no longer kept. */
  readonly urlOf: (attachment: Attachment) => string | undefined;
}

/** The body of `POST /v1/chat/completions`. What is not set is left to the server. */
export function chatRequest(options: ChatRequestOptions): JsonRecord {
  const { model, settings } = options;
  return {
    model: model.id,
    messages: messagesOf(options),
    ...samplingOf(settings),
    ...(model.reasons && settings.thinking !== 'auto'
      ? { chat_template_kwargs: { enable_thinking: settings.thinking === 'on' } }
      : {}),
    ...(model.hasStructuredOutput ? formatOf(settings) : {}),
    ...(model.hasImageDetails ? { include: ['image_details'] } : {}),
    stream: true,
    stream_options: { include_usage: true },
    ...(model.reportsProgress ? { return_progress: true } : {}),
  };
}

function messagesOf(options: ChatRequestOptions): readonly JsonRecord[] {
  const { settings, history, column, question, attachments, urlOf } = options;
  const { system } = settings;
  const earlier = history.flatMap((turn) => {
    const text = answerIn(turn, column)?.text ?? '';
    // Templates refuse two questions in a row: what was not answered is not repeated.
    if (text === '') return [];
    return [userMessage(turn.question, turn.attachments, urlOf), { role: 'assistant', content: text }];
  });
  return [
    ...(system.trim() === '' ? [] : [{ role: 'system', content: system }]),
    ...earlier,
    userMessage(question, attachments, urlOf),
  ];
}

function userMessage(
  question: string,
  attachments: readonly Attachment[],
  urlOf: ChatRequestOptions['urlOf'],
): JsonRecord {
  const parts = attachments.flatMap((attachment) => {
    const url = urlOf(attachment);
    return url === undefined ? [] : [partOf(attachment, url)];
  });
  if (parts.length === 0) return { role: 'user', content: question };
  const text = question.trim() === '' ? [] : [{ type: 'text', text: question }];
  return { role: 'user', content: [...parts, ...text] };
}

function partOf({ kind, name }: Attachment, url: string): JsonRecord {
  if (kind === 'image') return { type: 'image_url', image_url: { url } };
  return { type: 'file', file: { filename: name, file_data: url } };
}

function samplingOf({ temperature, topP, maxTokens, seed }: Settings): JsonRecord {
  const given = {
    temperature: numberIn(temperature),
    top_p: numberIn(topP),
    max_tokens: numberIn(maxTokens),
    seed: numberIn(seed),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function formatOf({ isStructured, schema: text }: Settings): JsonRecord {
  const { schema } = checkSchema(text);
  if (!isStructured || schema === undefined) return {};
  return { response_format: { type: 'json_schema', json_schema: { name: 'answer', schema, strict: true } } };
}
