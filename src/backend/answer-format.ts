import type { JsonValue } from './template-settings.ts';

/** What the text of an answer has to be. Reasoning and tool calls are not bound by it. */
export type AnswerFormat =
  | { readonly type: 'text' }
  /** Any JSON object. */
  | { readonly type: 'json-object' }
  /** JSON that is valid under a JSON Schema. */
  | { readonly type: 'json-schema'; readonly schema: JsonValue; readonly param?: string }
  /** A regular expression that matches all of it. */
  | { readonly type: 'regex'; readonly pattern: string; readonly param?: string }
  /** One of a few texts. */
  | { readonly type: 'choice'; readonly choices: readonly string[]; readonly param?: string }
  /** A grammar in llama.cpp's GBNF, whose `root` matches all of it. */
  | { readonly type: 'gbnf'; readonly grammar: string; readonly param?: string };
