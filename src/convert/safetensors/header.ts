import { VserveError } from '../../errors/index.ts';
import { duplicateKey } from './duplicate-key.ts';
import { dtypeBytes, isDtype } from './dtypes.ts';
import type { Dtype } from './dtypes.ts';

/** The longest header that is read: the limit the safetensors library itself sets, against memory exhaustion. */
export const maxHeaderBytes = 100_000_000;
/** The most dimensions of a tensor. GGUF holds four; the rest is slack for a clear message later. */
export const maxDimensions = 8;

/** One tensor of a safetensors file. `shape` is row-major, outermost first; `offset` counts from the file's start. */
export interface SafetensorsTensor {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly offset: number;
  readonly byteLength: number;
}

/**
 * Parses the JSON header of a safetensors file and checks that its tensors cover the data exactly: none overlaps, none
 * leaves a hole, none reaches beyond the end. Returns them sorted by name, as the safetensors library lists them.
 *
 * @param json the header's bytes, without the eight bytes of its length
 * @param fileBytes size of the whole file
 * @param file how messages name the file
 * Throws `safetensors_invalid`.
 */
export function parseHeader(json: Uint8Array, fileBytes: number, file: string): SafetensorsTensor[] {
  const dataStart = 8 + json.byteLength;
  const entries = Object.entries(parseObject(json, file)).filter(([name]) => name !== '__metadata__');
  const tensors = entries.map(([name, entry]) => parseEntry(name, entry, dataStart, file));
  checkCoverage(tensors, dataStart, fileBytes, file);
  return tensors.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function invalid(file: string, what: string, cause?: unknown): VserveError {
  const message = `${file} is not a valid safetensors file: ${what}. Download it again.`;
  return new VserveError('safetensors_invalid', message, cause === undefined ? {} : { cause });
}

function parseObject(json: Uint8Array, file: string): object {
  let text: string;
  let header: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(json);
    header = JSON.parse(text);
  } catch (error) {
    throw invalid(file, 'its header is not JSON', error);
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    throw invalid(file, 'its header is not a JSON object');
  }
  const duplicate = duplicateKey(text);
  if (duplicate !== undefined) throw invalid(file, `its header holds the key ${JSON.stringify(duplicate)} twice`);
  return header;
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

function parseEntry(name: string, entry: unknown, dataStart: number, file: string): SafetensorsTensor {
  const fail = (what: string): VserveError => invalid(file, `tensor ${JSON.stringify(name)} ${what}`);
  if (typeof entry !== 'object' || entry === null) throw fail('has no description');
  const { dtype, shape, data_offsets: offsets } = entry as Record<string, unknown>;
  if (!isDtype(dtype)) throw fail(`has the unknown dtype ${JSON.stringify(dtype)}`);
  if (!Array.isArray(shape) || !shape.every(isCount) || shape.length > maxDimensions) {
    throw fail(`has the shape ${JSON.stringify(shape)}, not a list of at most ${maxDimensions} sizes`);
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) {
    throw fail('has data_offsets that are not two offsets');
  }
  const [begin = 0, end = 0] = offsets;
  const expectedBytes = shape.reduce((product, size) => product * size, dtypeBytes[dtype]);
  if (end - begin !== expectedBytes) {
    throw fail(`takes ${end - begin} bytes, but ${dtype} [${shape.join(', ')}] needs ${expectedBytes}`);
  }
  return { name, dtype, shape, offset: dataStart + begin, byteLength: end - begin };
}

function checkCoverage(tensors: SafetensorsTensor[], dataStart: number, fileBytes: number, file: string): void {
  let covered = dataStart;
  const byOffset = tensors.toSorted((a, b) => a.offset - b.offset || a.byteLength - b.byteLength);
  for (const { name, offset, byteLength } of byOffset) {
    if (offset !== covered) {
      const how = offset < covered ? 'overlaps the tensor before it' : 'leaves a hole before it';
      throw invalid(file, `tensor ${JSON.stringify(name)} ${how}`);
    }
    covered += byteLength;
  }
  if (covered > fileBytes) throw invalid(file, `it ends after ${fileBytes} bytes, its tensors need ${covered}`);
  if (covered < fileBytes) throw invalid(file, `${fileBytes - covered} bytes at its end belong to no tensor`);
}
