import type { AnswerFormat } from './answer-format.ts';
import type { ChatMessage } from './chat-message.ts';
import type { ImageProcessorSettings } from './image-budget.ts';
import type { PromptPart } from './prompt.ts';
import type { ReasoningSettings } from './reasoning-settings.ts';
import type { SamplingSettings } from './sampling-settings.ts';
import type { TemplateSettings } from './template-settings.ts';
import type { ToolSettings } from './tool.ts';

/**
 * A request to a backend: continue a conversation. What the model's `capabilities` lack is never asked for, so a small
 * backend reads the messages, the sampling and the limits, and nothing else.
 */
export interface GenerateRequest {
  /** Empty beside a `prompt`. */
  readonly messages: readonly ChatMessage[];
  /** Continue this instead of a conversation: it is taken as it is, with the tokens that prompts begin with. */
  readonly prompt?: readonly PromptPart[] | undefined;
  readonly template: TemplateSettings;
  readonly sampling: SamplingSettings;
  /** What of it was asked for; the rest are defaults. For a backend that asks a server with defaults of its own. */
  readonly askedSampling?: Partial<SamplingSettings> | undefined;
  /** Maximum tokens to generate; undefined generates until the context is full. */
  readonly maxTokens: number | undefined;
  /** Tokens before which nothing but `maxTokens` ends the answer. */
  readonly minTokens: number;
  /** Strings that end the answer and are not part of it. */
  readonly stop: readonly string[];
  /** Tokens that end the answer, besides the model's own. */
  readonly stopTokens: readonly number[];
  /** Make the stop string, or the text of the token that ended the answer, a part of it. */
  readonly includeStop: boolean;
  /** Continue past the end-of-turn token. */
  readonly ignoreEos: boolean;
  /** Omit control tokens from the answer, as Hugging Face's `skip_special_tokens`. */
  readonly skipSpecialTokens: boolean;
  /** Undefined without tools. */
  readonly tools: ToolSettings | undefined;
  readonly format: AnswerFormat;
  readonly reasoning: ReasoningSettings;
  /** Answers to generate, each of its own draws. */
  readonly choices: number;
  /** Report the log probability of each token, and those of this many of the likeliest; undefined reports none. */
  readonly logProbs: number | undefined;
  /** The same for the text tokens of the prompt, in the `prefilled` event. All of it is computed then, none cached. */
  readonly promptLogProbs?: number | undefined;
  /** End an answer that repeats itself; undefined lets it. */
  readonly repetitionStop: RepetitionStop | undefined;
  /** Emit `progress` events. */
  readonly reportProgress: boolean;
  /** The id of a `LoadedAdapter`; undefined for the model as it is. */
  readonly adapter?: number | undefined;
  /** Prompts share cached prefixes only with prompts of the same salt. */
  readonly cacheSalt: string;
  /** For all images of the request, whose own budgets come before it. */
  readonly imageProcessor?: ImageProcessorSettings | undefined;
  /**
   * Who asks, as nested groups, outermost first; the names mean nothing else. A backend that runs several requests at a
   * time should not let one client's keep another's waiting.
   */
  readonly client?: readonly string[] | undefined;
}

/** Ends an answer whose last tokens are the same pattern over and over. */
export interface RepetitionStop {
  /** Shortest and longest pattern, in tokens. */
  readonly minPatternTokens: number;
  readonly maxPatternTokens: number;
  /** How often the pattern has to stand there, one after another; at least 2. */
  readonly minCount: number;
}

/** What decides the prompt of a request. */
export type PromptRequest = Pick<
  GenerateRequest,
  'messages' | 'prompt' | 'template' | 'tools' | 'format' | 'reasoning' | 'imageProcessor'
>;
