import type { ParsedPart } from '../parsed-request.ts';
import { invalid, show } from '../request/invalid-request.ts';
import type { JsonObject, ReadOptions } from '../request/json-object.ts';
import { isJsonObject, unsupported } from '../request/json-object.ts';
import { textOf } from '../request/long-text.ts';

/** Reads a block of content. Throws `invalid_request`, `unsupported_parameter`. */
export type BlockReader<Block> = (block: JsonObject, path: string, options: ReadOptions) => Block;

/** The readers of the blocks that a place may hold, by their types. */
export type BlockReaders<Block> = Readonly<Record<string, BlockReader<Block>>>;

/** Reads content: a string, or an array of blocks. Throws `invalid_request`, `unsupported_parameter`. */
export function readBlocks<Block>(
  content: unknown,
  path: string,
  readers: BlockReaders<Block>,
  options: ReadOptions,
): (Block | ParsedPart)[] {
  const text = textOf(content);
  if (text !== undefined) return text === '' ? [] : [{ type: 'text', text }];
  if (!Array.isArray(content)) {
    throw invalid(path, `${path} must be a string or an array of blocks, not ${show(content)}.`);
  }
  return content.map((block: unknown, index) => readBlock(block, `${path}[${String(index)}]`, readers, options));
}

function readBlock<Block>(block: unknown, path: string, readers: BlockReaders<Block>, options: ReadOptions): Block {
  if (!isJsonObject(block)) throw invalid(path, `${path} must be an object with a type, not ${show(block)}.`);
  const { type } = block;
  const read = typeof type === 'string' && Object.hasOwn(readers, type) ? readers[type] : undefined;
  if (read !== undefined) return read(block, path, options);
  const known = `It must be one of ${Object.keys(readers).join(', ')}.`;
  if (type === undefined || type === null) throw invalid(`${path}.type`, `${path}.type is missing. ${known}`);
  throw unsupported(`${path}.type`, type, known);
}

export function requireText(value: unknown, path: string): string {
  const text = textOf(value);
  if (text === undefined) throw invalid(path, `${path} must be a string, not ${show(value)}.`);
  return text;
}
