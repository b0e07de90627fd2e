import { contextBytes } from '../gguf/context-bytes.ts';
import { parseGgufHeader, parseGgufStart } from '../gguf/read-header.ts';
import type { GgufHeader, GgufKeyValues } from '../gguf/read-header.ts';
import { familyOf, numbersOf } from '../gguf/values.ts';
import type { Candidate, GgufFile } from './candidates.ts';
import { kindInHeader, kindInStart } from './kind.ts';
import type { GgufKind } from './kind.ts';
import { mayBeDraftHead, modelKeyOf } from './names.ts';

/** Covers everything before the vocabulary. */
const START_BYTES = 64 * 1024;
/** A whole header is read in growing steps: most end within the second. */
const WHOLE_BYTES = [1024 * 1024, 16 * 1024 * 1024, 64 * 1024 * 1024];

/** Reads up to `maxBytes` from the start of a file. */
export type ReadStart<File extends GgufFile> = (file: File, maxBytes: number) => Promise<Uint8Array>;

/** What the header of a file reveals. */
export interface Facts {
  /** Undefined for a file that cannot be read as GGUF. */
  readonly kind: GgufKind | undefined;
  /** Bytes of the KV cache that a model must have room for. */
  readonly contextBytes: number;
  /** Width of a model's embeddings, or of a projector's output. */
  readonly width: number | undefined;
}

/** Reads the headers of files, each at most once. */
export class Headers<File extends GgufFile> {
  readonly #readStart: ReadStart<File>;
  readonly #facts = new Map<string, Promise<Facts>>();

  constructor(readStart: ReadStart<File>) {
    this.#readStart = readStart;
  }

  /** Of a model. The types of one model differ only in their weights: one header is read for all. */
  ofModel({ path, files: [first] }: Candidate<File>): Promise<Facts> {
    return this.#once(`model ${modelKeyOf(path)}`, () => this.#read(first, mayBeDraftHead(path)));
  }

  of(file: File): Promise<Facts> {
    return this.#once(`file ${file.path}`, () => this.#read(file, false));
  }

  #once(key: string, read: () => Promise<Facts>): Promise<Facts> {
    const facts = this.#facts.get(key) ?? read();
    this.#facts.set(key, facts);
    return facts;
  }

  async #read(file: File, isWholeNeeded: boolean): Promise<Facts> {
    const start = orUndefined(parseGgufStart, await this.#readStart(file, START_BYTES));
    if (start === undefined) return { kind: undefined, contextBytes: 0, width: undefined };
    const byStart = kindInStart(start);
    const header = isWholeNeeded && byStart === 'model' ? await this.#readWhole(file) : undefined;
    const kind = header === undefined ? byStart : kindInHeader(header);
    return { kind, contextBytes: contextBytes(start), width: widthOf(start) };
  }

  async #readWhole(file: File): Promise<GgufHeader | undefined> {
    for (const maxBytes of WHOLE_BYTES) {
      const header = orUndefined(parseGgufHeader, await this.#readStart(file, maxBytes));
      if (header !== undefined || file.bytes <= maxBytes) return header;
    }
    return undefined;
  }
}

function widthOf(keyValues: GgufKeyValues): number | undefined {
  const keys = [
    'clip.vision.projection_dim',
    'clip.audio.projection_dim',
    `${familyOf(keyValues) ?? ''}.embedding_length`,
  ];
  return keys.map((key) => numbersOf(keyValues, key)?.[0]).find((width) => width !== undefined);
}

function orUndefined<T>(parse: (bytes: Uint8Array) => T, bytes: Uint8Array): T | undefined {
  try {
    return parse(bytes);
  } catch {
    return undefined;
  }
}
