import type { SamplingSettings } from '../backend/index.ts';
import type { LongText } from './long-text.ts';

/** A picture that a message refers to, before it is fetched. */
export interface ImageReference {
  readonly type: 'image';
  /** An http(s), data or file URL. */
  readonly url: string | LongText;
  /** Where it stands in the request: `messages[2].content[1]`. */
  readonly param: string;
}

export interface ParsedMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: readonly ({ readonly type: 'text'; readonly text: string } | ImageReference)[];
}

/** A chat completion request that was read and checked, its images not yet fetched. */
export interface ChatRequest {
  /** Undefined or empty means the served model. */
  readonly model: string | undefined;
  readonly messages: readonly ParsedMessage[];
  /** What the request says itself: see `withDefaults`. */
  readonly sampling: Partial<SamplingSettings>;
  readonly maxTokens: number | undefined;
  readonly stop: readonly string[];
  readonly ignoreEos: boolean;
  /** Keeps prompts apart in the backend's cache. */
  readonly cacheSalt: string;
  readonly stream: boolean;
  /** Send usage in a last chunk of a stream. */
  readonly includeUsage: boolean;
}

/** The images of a request, in order. */
export function imageReferences(request: ChatRequest): ImageReference[] {
  return request.messages.flatMap(({ content }) => content.filter((part) => part.type === 'image'));
}
