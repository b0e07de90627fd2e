import type { ChatMessage, SamplingSettings, TemplateSettings } from '../backend/index.ts';
import type { LongText } from './long-text.ts';

/** An image that a message refers to, before it is fetched. */
export interface ImageReference {
  readonly type: 'image';
  /** An http(s), data or file URL. */
  readonly url: string | LongText;
  /** Its path in the request: `messages[2].content[1]`. */
  readonly param: string;
}

/** A message as a backend takes it, but for its images. */
export interface ParsedMessage extends Omit<ChatMessage, 'content'> {
  readonly content: readonly ({ readonly type: 'text'; readonly text: string } | ImageReference)[];
}

/** What every wire format makes of a request: read and checked, its images not yet fetched. */
export interface ParsedRequest {
  /** Undefined or empty means the served model. */
  readonly model: string | undefined;
  readonly messages: readonly ParsedMessage[];
  readonly template: TemplateSettings;
  /** Only what the request itself sets; `toGenerateRequest` adds the defaults. */
  readonly sampling: Partial<SamplingSettings>;
  readonly maxTokens: number | undefined;
  readonly stop: readonly string[];
  readonly ignoreEos: boolean;
  readonly skipSpecialTokens: boolean;
  /** Keeps prompts apart in the backend's cache. */
  readonly cacheSalt: string;
}

/** The images of a request, in order. */
export function imageReferences(request: ParsedRequest): ImageReference[] {
  return request.messages.flatMap(({ content }) => content.filter((part) => part.type === 'image'));
}
