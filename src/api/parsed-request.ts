import type {
  Bitmap,
  ChatMessage,
  GenerateRequest,
  ImageBudget,
  PromptPart,
  SamplingSettings,
  TextPart,
} from '../backend/index.ts';
import type { TextBias } from './request/logit-bias.ts';
import type { LongText } from './request/long-text.ts';
import type { UploadedFile } from './request/uploaded-file.ts';

/** Where the bytes of an image, a document or a video are: an http(s), data or file URL, or a file that was uploaded. */
export type MediaSource = string | LongText | UploadedFile;

/** An image in a message, not fetched yet. */
export interface ImageReference {
  readonly type: 'image';
  readonly url: MediaSource;
  /** Its path in the request: `messages[2].content[1]`. */
  readonly param: string;
  readonly budget?: ImageBudget;
  /** Its pixels, where they are there already: a page of a document, a frame of a video. */
  readonly bitmap?: Bitmap;
  /** See `ContentPart`. */
  readonly videoPosition?: number;
}

/** Pages from `first` to `last`, counted from 1, both included; without `last`, to the end. */
export interface PageRange {
  readonly first: number;
  readonly last?: number;
}

/** A document in a message, not fetched yet. What kind of file it is, its bytes tell. */
export interface DocumentReference {
  readonly type: 'document';
  readonly url: MediaSource;
  readonly param: string;
  /** The pages to show, in this order; undefined shows all. */
  readonly pages: readonly PageRange[] | undefined;
  /** Put each page's own text behind its picture. */
  readonly textLayer: boolean;
  /** The client says that it is text, which needs no eyes. */
  readonly isText: boolean;
  /** Of each page, which is also drawn by it. */
  readonly budget?: ImageBudget;
}

/** Which frames of a video to show. What is undefined has the server's default. */
export interface FrameSampling {
  /** Frames per second of the video. */
  readonly framesPerSecond?: number | undefined;
  /** This many frames, in place of so many per second. */
  readonly frames?: number | undefined;
  readonly minFrames?: number | undefined;
  readonly maxFrames?: number | undefined;
  /** In seconds from the beginning. */
  readonly startS?: number | undefined;
  readonly endS?: number | undefined;
}

/** A video in a message, not fetched yet. */
export interface VideoReference extends FrameSampling {
  readonly type: 'video';
  readonly url: MediaSource;
  readonly param: string;
  /** Of each frame. */
  readonly budget?: ImageBudget;
}

/** A video in a message as a list of its frames, not fetched yet. */
export interface FrameListReference {
  readonly type: 'frames';
  /** In their order, all of one size. */
  readonly frames: readonly ImageReference[];
  /** Undefined if the request does not say. */
  readonly framesPerSecond: number | undefined;
  readonly param: string;
}

/** What becomes several parts once it is opened. */
export type MediaReference = DocumentReference | VideoReference | FrameListReference;

/** A part that stays one. */
export type PlainPart = TextPart | ImageReference;

export type ParsedPart = PlainPart | MediaReference;

/** A message for the backend, except that its images are still references. */
export interface ParsedMessage extends Omit<ChatMessage, 'content'> {
  readonly content: readonly ParsedPart[];
}

/** A piece of a prompt without a chat template. */
export type ParsedPromptPart = PlainPart | Extract<PromptPart, { readonly type: 'tokens' }>;

/** A request of any wire format, parsed and validated. Its images are not fetched yet. */
export interface ParsedRequest extends Omit<
  GenerateRequest,
  'messages' | 'prompt' | 'sampling' | 'askedSampling' | 'client' | 'adapter'
> {
  /** Undefined or empty means the served model. */
  readonly model: string | undefined;
  readonly messages: readonly ParsedMessage[];
  /** In place of the messages. */
  readonly prompt?: readonly ParsedPromptPart[];
  /** Only what the request itself sets; `toGenerateRequest` adds the defaults. */
  readonly sampling: Partial<SamplingSettings>;
  /** Of texts whose tokens are not known yet: they come behind `sampling.logitBias`. */
  readonly biasTexts?: readonly TextBias[] | undefined;
  /** Of videos that do not say how they are sampled. */
  readonly videoSampling?: FrameSampling | undefined;
  /** The field that each setting comes from, for errors: `tools`, `options.mirostat`. */
  readonly askedBy: { readonly [Setting in keyof SamplingSettings | keyof GenerateRequest]?: string | undefined };
}

/** The images of a request, in order. */
export function imageReferences(request: ParsedRequest): ImageReference[] {
  const contents = [...request.messages.map(({ content }) => content), request.prompt ?? []];
  return contents.flatMap((content) => content.filter((part) => part.type === 'image'));
}

/** How many images a request has before its documents and videos are opened: frames of a list are there already. */
export function countableImages(request: ParsedRequest): ImageReference[] {
  const contents = [...request.messages.map(({ content }) => content), request.prompt ?? []];
  return contents.flatMap((content) =>
    content.flatMap((part) => (part.type === 'frames' ? part.frames : part.type === 'image' ? [part] : [])),
  );
}

/** The documents and videos of a request, in order. */
export function mediaReferences(request: ParsedRequest): MediaReference[] {
  return request.messages.flatMap(({ content }) => content.filter((part) => isMedia(part)));
}

/** The request with what each document and video has become in its place. */
export function withOpenedMedia<Request extends ParsedRequest>(
  request: Request,
  opened: ReadonlyMap<MediaReference, readonly ParsedPart[]>,
): Request {
  const messages = request.messages.map((message) => ({
    ...message,
    content: message.content.flatMap((part) => (isMedia(part) ? (opened.get(part) ?? []) : part)),
  }));
  return { ...request, messages };
}

/** The first part of a request that a model without eyes cannot take. */
export function firstPicture(request: ParsedRequest): ImageReference | MediaReference | undefined {
  const contents = [...request.messages.map(({ content }) => content), request.prompt ?? []];
  for (const content of contents) {
    for (const part of content) {
      const isPicture = part.type === 'image' || part.type === 'video' || part.type === 'frames';
      if (isPicture || (part.type === 'document' && !part.isText)) return part;
    }
  }
  return undefined;
}

function isMedia(part: ParsedPart): part is MediaReference {
  return part.type === 'document' || part.type === 'video' || part.type === 'frames';
}
