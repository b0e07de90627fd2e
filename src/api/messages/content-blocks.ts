import type { ImageReference, ParsedPart } from '../parsed-request.ts';
import { readSource } from '../request/image-parts.ts';
import type { HasNoEffect, JsonObject, KeyTable, ReadOptions } from '../request/json-object.ts';
import { isJsonObject, readKeys } from '../request/json-object.ts';
import { refuseImageAsText } from '../request/misplaced-media.ts';
import { anything } from '../request/values.ts';
import type { BlockReaders } from './block-reader.ts';
import { requireText } from './block-reader.ts';

/** Images are scaled to the model's size. Only a client that wants an error in its place gets another answer. */
const isDownsized: HasNoEffect = (value) => !isJsonObject(value) || value['oversized_image'] !== 'error';

export const TEXT_KEYS = {
  type: 'read',
  text: 'read',
  cache_control: anything,
  citations: anything,
  // What the client's library adds to an answer that is sent back.
  parsed_output: anything,
} as const satisfies KeyTable;

export const IMAGE_KEYS = {
  type: 'read',
  source: 'read',
  cache_control: anything,
  transformations: isDownsized,
} as const satisfies KeyTable;

export const TEXT_BLOCKS: BlockReaders<ParsedPart> = { text: readText };

export const TEXT_AND_IMAGE_BLOCKS: BlockReaders<ParsedPart> = { ...TEXT_BLOCKS, image: readImage };

function readText(block: JsonObject, path: string, options: ReadOptions): ParsedPart {
  const { text } = readKeys(block, path, TEXT_KEYS, options);
  const read = requireText(text, `${path}.text`);
  refuseImageAsText(read, `${path}.text`);
  return { type: 'text', text: read };
}

function readImage(block: JsonObject, path: string, options: ReadOptions): ImageReference {
  const { source } = readKeys(block, path, IMAGE_KEYS, options);
  return { type: 'image', url: readSource(source, `${path}.source`, options), param: path };
}
