import type { ImageBudget } from '../../backend/index.ts';
import { bothOf, readBudget } from './image-budget.ts';
import { readImageData, readImageUrl } from './image-url.ts';
import { invalid, show } from './invalid-request.ts';
import type { JsonObject, KeyTable, ReadOptions } from './json-object.ts';
import { isJsonObject, readKeys, unsupported } from './json-object.ts';
import type { LongText } from './long-text.ts';
import type { ImageReference } from '../parsed-request.ts';
import { anything, isEmpty, never } from './values.ts';

type Url = string | LongText;

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
  file_id: never,
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
  file_id: never,
  uuid: anything,
} as const satisfies KeyTable;

/** Anthropic's form. */
export const SOURCE_KEYS = {
  type: 'read',
  url: 'read',
  data: 'read',
  ...MEDIA_TYPES,
  file_id: never,
} as const satisfies KeyTable;

/** What a place of an image has: its URL, and what is asked for it. */
interface PlacedUrl {
  readonly url: Url;
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

/** Reads OpenAI's `{url, detail}` or a plain URL. */
function readUrlObject(image: unknown, path: string, options: ReadOptions): PlacedUrl {
  if (!isJsonObject(image)) return { url: readImageUrl(image, path) };
  const { url, ...asked } = readKeys(image, path, IMAGE_URL_KEYS, options);
  return { url: readImageUrl(url, `${path}.url`), budget: readBudget(asked, path) };
}

/** Reads the `source` of Anthropic's images. Throws `invalid_request`, `unsupported_parameter`. */
export function readSource(source: unknown, path: string, options: ReadOptions): Url {
  if (!isJsonObject(source)) throw invalid(path, `${path} must be an object with a type, not ${show(source)}.`);
  const { type, url, data } = readKeys(source, path, SOURCE_KEYS, options);
  if (type !== 'base64' && type !== 'url') throw unsupported(`${path}.type`, type, 'It must be base64 or url.');
  if (url !== undefined && data !== undefined) throw secondImage(`${path}.${type === 'url' ? 'data' : 'url'}`);
  return type === 'base64' ? readImageData(data, `${path}.data`) : readImageUrl(url, `${path}.url`);
}

function secondImage(path: string) {
  return invalid(path, `${path} is a second image in the same part. Send one part per image.`);
}
