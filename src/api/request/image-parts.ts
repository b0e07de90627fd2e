import type { ImageBudget } from '../../backend/index.ts';
import { readFileId } from './file-id.ts';
import { bothOf, readBudget } from './image-budget.ts';
import { readImageData, readImageUrl } from './image-url.ts';
import { invalid, show } from './invalid-request.ts';
import type { JsonObject, KeyTable, ReadOptions } from './json-object.ts';
import { isJsonObject, readKeys, unsupported } from './json-object.ts';
import type { ImageReference, MediaSource } from '../parsed-request.ts';
import { anything, isEmpty, never } from './values.ts';

/** Limits for scaling the image: of its pixels, and others that a request cannot set. */
const SIZES = {
  max_pixels: 'read',
  min_pixels: 'read',
  image_pixel_limit: never,
  max_long_side_pixel: never,
  resized_height: never,
  resized_width: never,
  total_pixels: never,
} as const satisfies KeyTable;

/** Ignored: the format is detected from the data. */
const MEDIA_TYPES = {
  format: anything,
  media_type: anything,
  mediaType: anything,
  mime_type: anything,
  mimeType: anything,
} as const satisfies KeyTable;

/** The keys that hold the image of an image part. In any other object the image would be lost. */
export const MISPLACED_IMAGES = {
  image_url: isEmpty,
  image: isEmpty,
  images: isEmpty,
  url: isEmpty,
  base64: isEmpty,
  data: isEmpty,
  source: isEmpty,
} as const satisfies KeyTable;

export const IMAGE_PART_KEYS = {
  ...MISPLACED_IMAGES,
  type: 'read',
  detail: 'read',
  image_url: 'read',
  image: 'read',
  url: 'read',
  base64: 'read',
  data: 'read',
  source: 'read',
  text: isEmpty,
  ...SIZES,
  ...MEDIA_TYPES,
  cache_control: anything,
  file_id: 'read',
  id: anything,
  index: anything,
  path: never,
  source_type: anything,
  uuid: anything,
} as const satisfies KeyTable;

export const IMAGE_URL_KEYS = {
  url: 'read',
  detail: 'read',
  ...SIZES,
  ...MEDIA_TYPES,
  file_id: 'read',
  uuid: anything,
} as const satisfies KeyTable;

/** Anthropic's form. */
export const SOURCE_KEYS = {
  type: 'read',
  url: 'read',
  data: 'read',
  file_id: 'read',
  ...MEDIA_TYPES,
} as const satisfies KeyTable;

/** What a place of an image has: where it is, and what is asked for it. */
interface PlacedUrl {
  readonly url: MediaSource;
  readonly budget?: ImageBudget | undefined;
}

type PlaceReader = (value: unknown, path: string, options: ReadOptions) => PlacedUrl;

const IMAGE_READERS: Readonly<Record<string, PlaceReader>> = {
  image_url: readUrlObject,
  image: readUrlObject,
  url: (value, path) => ({ url: readImageUrl(value, path) }),
  base64: (value, path) => ({ url: readImageData(value, path) }),
  data: (value, path) => ({ url: readImageData(value, path) }),
  source: (value, path, options) => ({ url: readSource(value, path, options) }),
  file_id: (value, path, options) => ({ url: readFileId(value, path, options) }),
};

interface SourceReader {
  readonly key: 'data' | 'url' | 'file_id';
  readonly from: (value: unknown, path: string, options: ReadOptions) => MediaSource;
}

/** By the type of a source. */
const SOURCE_READERS: Readonly<Record<string, SourceReader>> = {
  base64: { key: 'data', from: readImageData },
  url: { key: 'url', from: readImageUrl },
  file: { key: 'file_id', from: readFileId },
};

/** Reads an image part, whichever key holds the image. Throws `invalid_request` unless there is exactly one image. */
export function readImagePart(part: JsonObject, param: string, options: ReadOptions): ImageReference {
  const { type, detail, max_pixels, min_pixels, ...places } = readKeys(part, param, IMAGE_PART_KEYS, options);
  const own = readBudget({ detail, max_pixels, min_pixels }, param);
  const [place, second] = Object.entries(places);
  if (place === undefined) {
    const expected = `${param}.${type === 'image' ? 'image' : 'image_url'}`;
    throw invalid(expected, `${expected} must be a URL (http, https, data or file) or base64, not nothing.`);
  }
  if (second !== undefined) throw secondImage(`${param}.${second[0]}`);
  const [key, value] = place;
  const placed = IMAGE_READERS[key]?.(value, `${param}.${key}`, options);
  if (placed === undefined) throw new TypeError(`No reader for ${key}.`);
  const { budget: inner } = placed;
  const budget = own && inner ? bothOf(own, inner, param, `${param}.${key}`) : (own ?? inner);
  return { type: 'image', url: placed.url, param, ...(budget === undefined ? {} : { budget }) };
}

/** Reads OpenAI's `{url, detail}`, the same with a `file_id`, or a plain URL. */
function readUrlObject(image: unknown, path: string, options: ReadOptions): PlacedUrl {
  if (!isJsonObject(image)) return { url: readImageUrl(image, path) };
  const { url, file_id: id, ...asked } = readKeys(image, path, IMAGE_URL_KEYS, options);
  const budget = readBudget(asked, path);
  if (id === undefined) return { url: readImageUrl(url, `${path}.url`), budget };
  const file = readFileId(id, `${path}.file_id`, options);
  if (url !== undefined) throw secondImage(`${path}.file_id`);
  return { url: file, budget };
}

/** Reads the `source` of Anthropic's images. Throws `invalid_request`, `unsupported_parameter`. */
export function readSource(source: unknown, path: string, options: ReadOptions): MediaSource {
  if (!isJsonObject(source)) throw invalid(path, `${path} must be an object with a type, not ${show(source)}.`);
  const { type, ...places } = readKeys(source, path, SOURCE_KEYS, options);
  const read = typeof type === 'string' && Object.hasOwn(SOURCE_READERS, type) ? SOURCE_READERS[type] : undefined;
  if (read === undefined) throw unsupported(`${path}.type`, type, 'It must be base64, url or file.');
  const other = Object.keys(places).find((key) => key !== read.key);
  if (other !== undefined && places[read.key] !== undefined) throw secondImage(`${path}.${other}`);
  return read.from(places[read.key], `${path}.${read.key}`, options);
}

function secondImage(path: string) {
  return invalid(path, `${path} is a second image in the same part. Send one part per image.`);
}
