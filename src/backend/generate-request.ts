import type { ChatMessage } from './chat-message.ts';
import type { SamplingSettings } from './sampling-settings.ts';
import type { TemplateSettings } from './template-settings.ts';

/** What a backend is asked to do: continue a conversation. */
export interface GenerateRequest {
  readonly messages: readonly ChatMessage[];
  readonly template: TemplateSettings;
  readonly sampling: SamplingSettings;
  /** The most tokens to generate; undefined stops only at the end of the context. */
  readonly maxTokens: number | undefined;
  /** Strings that end the answer; the answer does not contain them. */
  readonly stop: readonly string[];
  /** Generate past the end-of-turn token. */
  readonly ignoreEos: boolean;
  /** Leave control tokens out of the answer's text, as Hugging Face's `skip_special_tokens`. */
  readonly skipSpecialTokens: boolean;
  /** Prompts share cached beginnings only with prompts of the same salt. */
  readonly cacheSalt: string;
}
