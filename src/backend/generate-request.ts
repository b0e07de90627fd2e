import type { ChatMessage } from './chat-message.ts';
import type { SamplingSettings } from './sampling-settings.ts';
import type { TemplateSettings } from './template-settings.ts';

/** A request to a backend: continue a conversation. */
export interface GenerateRequest {
  readonly messages: readonly ChatMessage[];
  readonly template: TemplateSettings;
  readonly sampling: SamplingSettings;
  /** Maximum tokens to generate; undefined generates until the context is full. */
  readonly maxTokens: number | undefined;
  /** Strings that end the answer and are not part of it. */
  readonly stop: readonly string[];
  /** Continue past the end-of-turn token. */
  readonly ignoreEos: boolean;
  /** Omit control tokens from the answer, as Hugging Face's `skip_special_tokens`. */
  readonly skipSpecialTokens: boolean;
  /** Prompts share cached prefixes only with prompts of the same salt. */
  readonly cacheSalt: string;
  /**
   * Who asks, as nested groups, outermost first; the names mean nothing else. A backend that runs several requests at a
   * time should not let one client's keep another's waiting.
   */
  readonly client?: readonly string[] | undefined;
}
