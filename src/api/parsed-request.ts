import type { ChatMessage, GenerateRequest, ImageBudget, PromptPart, SamplingSettings } from '../backend/index.ts';
import type { LongText } from './request/long-text.ts';

/** An image in a message, not fetched yet. */
export interface ImageReference {
  readonly type: 'image';
  /** An http(s), data or file URL. */
  readonly url: string | LongText;
  /** Its path in the request: `messages[2].content[1]`. */
  readonly param: string;
  readonly budget?: ImageBudget;
}

export type ParsedPart = { readonly type: 'text'; readonly text: string } | ImageReference;

/** A message for the backend, except that its images are still references. */
export interface ParsedMessage extends Omit<ChatMessage, 'content'> {
  readonly content: readonly ParsedPart[];
}

/** A piece of a prompt without a chat template. */
export type ParsedPromptPart = ParsedPart | Extract<PromptPart, { readonly type: 'tokens' }>;

/** A request of any wire format, parsed and validated. Its images are not fetched yet. */
export interface ParsedRequest extends Omit<GenerateRequest, 'messages' | 'prompt' | 'sampling' | 'client'> {
  /** Undefined or empty means the served model. */
  readonly model: string | undefined;
  readonly messages: readonly ParsedMessage[];
  /** In place of the messages. */
  readonly prompt?: readonly ParsedPromptPart[];
  /** Only what the request itself sets; `toGenerateRequest` adds the defaults. */
  readonly sampling: Partial<SamplingSettings>;
  /** The field that each setting comes from, for errors: `tools`, `options.mirostat`. */
  readonly askedBy: { readonly [Setting in keyof SamplingSettings | keyof GenerateRequest]?: string | undefined };
}

/** The images of a request, in order. */
export function imageReferences(request: ParsedRequest): ImageReference[] {
  const contents = [...request.messages.map(({ content }) => content), request.prompt ?? []];
  return contents.flatMap((content) => content.filter((part) => part.type === 'image'));
}
