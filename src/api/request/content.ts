import { invalid, show } from './invalid-request.ts';
import { readImageData, readImageUrl } from './image-url.ts';
import type { JsonObject, KeyTable, ReadOptions } from './json-object.ts';
import { isJsonObject, readKeys, unsupported } from './json-object.ts';
import { isPdf, readChatFile, readInputFile, wholeDocument } from './file-part.ts';
import { textOf } from './long-text.ts';
import type { ImageReference, ParsedPart } from '../parsed-request.ts';
import { anything } from './values.ts';
import { MISPLACED_IMAGES, readImagePart } from './image-parts.ts';
import { refuseImageAsText } from './misplaced-media.ts';
import { readVideoPart } from './video-part.ts';

type PartReader = (part: JsonObject, path: string, options: ReadOptions) => ParsedPart;

/** The part types of Chat Completions, Responses, Anthropic, Qwen, Hugging Face, vLLM and llama-server. */
const PART_READERS: ReadonlyMap<unknown, PartReader> = new Map<unknown, PartReader>([
  ['text', readTextPart],
  ['input_text', readTextPart],
  ['output_text', readTextPart],
  ['refusal', readRefusalPart],
  ['image_url', readPicture],
  ['input_image', readPicture],
  ['image', readPicture],
  ['file', readChatFile],
  ['input_file', readInputFile],
  ['video_url', readVideoPart],
  ['input_video', readVideoPart],
  ['video', readVideoPart],
]);

export const TEXT_KEYS = {
  ...MISPLACED_IMAGES,
  type: 'read',
  text: 'read',
  annotations: anything,
  cache_control: anything,
  citations: anything,
  id: anything,
  index: anything,
  logprobs: anything,
  parsed: anything,
} as const satisfies KeyTable;

const REFUSAL_KEYS = { ...MISPLACED_IMAGES, type: 'read', refusal: 'read' } as const satisfies KeyTable;

/** Reads content: a string or an array of parts. Absent, it is empty. */
export function readContent(content: unknown, path: string, options: ReadOptions): ParsedPart[] {
  if (content === undefined) return [];
  const text = textOf(content);
  if (text !== undefined) {
    refuseImageAsText(text, path);
    return [{ type: 'text', text }];
  }
  if (!Array.isArray(content)) {
    throw invalid(path, `${path} must be a string or an array of parts, not ${show(content)}.`);
  }
  return content.map((part: unknown, index) => readPart(part, `${path}[${String(index)}]`, options));
}

/** Reads the images of a message in Ollama's form: an array of base64, data URIs or URLs. */
export function readImages(images: unknown, path: string): ImageReference[] {
  if (images === undefined) return [];
  if (!Array.isArray(images)) throw invalid(path, `${path} must be an array of images in base64, not ${show(images)}.`);
  return images.map((image: unknown, index) => {
    const param = `${path}[${String(index)}]`;
    const url = isUrl(image) ? readImageUrl(image, param) : readImageData(image, param);
    return { type: 'image', url, param };
  });
}

function isUrl(image: unknown): boolean {
  return typeof image === 'string' && /^\s*(?:https?|file):/i.test(image);
}

function readPart(part: unknown, path: string, options: ReadOptions): ParsedPart {
  if (!isJsonObject(part)) throw invalid(path, `${path} must be an object with a type, not ${show(part)}.`);
  const type = part['type'];
  const read = PART_READERS.get(type);
  if (read !== undefined) return read(part, path, options);
  const known = `It must be one of ${[...PART_READERS.keys()].join(', ')}.`;
  if (type === undefined || type === null) throw invalid(`${path}.type`, `${path}.type is missing. ${known}`);
  throw unsupported(`${path}.type`, type, known);
}

/** Reads an image part. A PDF in its place is what it is. */
function readPicture(part: JsonObject, path: string, options: ReadOptions): ParsedPart {
  const image = readImagePart(part, path, options);
  if (!isPdf(image.url)) return image;
  const document = wholeDocument(image.url, path);
  return image.budget === undefined ? document : { ...document, budget: image.budget };
}

function readTextPart(part: JsonObject, path: string, options: ReadOptions): ParsedPart {
  const { text } = readKeys(part, path, TEXT_KEYS, options);
  const read = requireText(text, `${path}.text`);
  refuseImageAsText(read, `${path}.text`);
  return { type: 'text', text: read };
}

function readRefusalPart(part: JsonObject, path: string, options: ReadOptions): ParsedPart {
  const { refusal } = readKeys(part, path, REFUSAL_KEYS, options);
  return { type: 'text', text: requireText(refusal, `${path}.refusal`) };
}

function requireText(value: unknown, path: string): string {
  const text = textOf(value);
  if (text === undefined) throw invalid(path, `${path} must be a string, not ${show(value)}.`);
  return text;
}
