import type { ChatMessage } from './chat-message.ts';
import type { SamplingSettings } from './sampling-settings.ts';

/** What a backend is asked to do: continue a conversation. */
export interface GenerateRequest {
  readonly messages: readonly ChatMessage[];
  readonly sampling: SamplingSettings;
  /** The most tokens to generate; undefined stops only at the end of the context. */
  readonly maxTokens: number | undefined;
  /** Strings that end the answer; the answer does not contain them. */
  readonly stop: readonly string[];
  /** Generate past the end-of-turn token. */
  readonly ignoreEos: boolean;
  /** Prompts share cached beginnings only with prompts of the same salt. */
  readonly cacheSalt?: string;
}
