import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelFiles } from '../../src/backend/index.ts';
import { randomBits } from '../../test/reference/random.ts';
import { type Place, placesOf } from './gguf-places.ts';

const oddIntegers = [
  0,
  1,
  2,
  3,
  5,
  7,
  8,
  31,
  33,
  64,
  100,
  255,
  256,
  1000,
  4096,
  65_535,
  1_000_000,
  2 ** 31,
  2 ** 32 - 1,
];
const oddFloats = [0, -0, 1, -1, 0.5, 1e-30, 1e30, -1e30, 3.4e38, NaN, Infinity, -Infinity];
const floatTypes = new Set([6, 12]);

/** A GGUF file, and what can be corrupted in it. */
interface Base {
  readonly path: string;
  readonly bytes: Buffer;
  readonly places: readonly Place[];
}

interface Pair {
  readonly model: Base;
  readonly mmproj: Base | undefined;
}

/**
 * Models with one corrupted file at a time: one to three values of its header (a number, a name, a shape, a type, an
 * offset) are changed in place. A case depends only on the models, the seed and its number.
 */
export class SpoiltGguf {
  readonly #models: readonly Pair[];
  readonly #folder: string;

  private constructor(models: readonly Pair[], folder: string) {
    this.#models = models;
    this.#folder = folder;
  }

  /** Reads the models. Corrupted files are written to `folder`. */
  static async read(models: readonly ModelFiles[], folder: string): Promise<SpoiltGguf> {
    const bases = models.map(async ({ modelPath, mmprojPath }) => ({
      model: await readBase(modelPath),
      mmproj: mmprojPath === undefined ? undefined : await readBase(mmprojPath),
    }));
    return new SpoiltGguf(await Promise.all(bases), folder);
  }

  /** Writes the corrupted file of a case. `change` says what was changed in which file. */
  async write(seed: number, number: number): Promise<{ readonly files: ModelFiles; readonly change: string }> {
    const bits = randomBits(seed * 1_000_003 + number);
    const below = (limit: number): number => bits() % limit;
    const chosen = this.#models[below(this.#models.length)];
    if (chosen === undefined) throw new Error('There are no models to spoil.');
    const { model, mmproj } = chosen;
    const ofProjector = mmproj !== undefined && below(2) === 0;
    const base = ofProjector ? mmproj : model;
    const bytes = Buffer.from(base.bytes);
    const changes: string[] = [];
    for (let count = below(4) === 0 ? 1 + below(3) : 1; count > 0; count -= 1) {
      const place = base.places[below(base.places.length)];
      if (place !== undefined) changes.push(spoil(bytes, place, base.places, below));
    }
    const path = join(this.#folder, ofProjector ? 'spoilt-mmproj.gguf' : 'spoilt-model.gguf');
    await writeFile(path, bytes);
    const files = ofProjector
      ? { modelPath: model.path, mmprojPath: path }
      : { modelPath: path, mmprojPath: mmproj?.path };
    return { files, change: `${base.path}: ${changes.join(', ')}` };
  }
}

async function readBase(path: string): Promise<Base> {
  const bytes = await readFile(path);
  const places = placesOf(bytes);
  // Per-token values of the vocabulary are most of a header, and matter little.
  return { path, bytes, places: places.filter(({ of, kind }) => !(of.startsWith('tokenizer.') && kind === 'element')) };
}

/** Changes a value in `bytes`, and describes the change. */
function spoil(bytes: Buffer, place: Place, places: readonly Place[], below: (limit: number) => number): string {
  const { kind, of, at, type, byteLength } = place;
  if (type === 'text') {
    const others = places.filter((other) => other.kind === kind && other.byteLength === byteLength);
    const other = others[below(others.length)];
    const before = bytes.toString('utf8', at, at + byteLength);
    if (below(2) === 0 && other !== undefined) bytes.copy(bytes, at, other.at, other.at + byteLength);
    else if (byteLength > 0) bytes[at + below(byteLength)] = 97 + below(26);
    return `${kind} ${before} → ${bytes.toString('utf8', at, at + byteLength)}`;
  }
  if (floatTypes.has(type)) {
    const before = byteLength === 4 ? bytes.readFloatLE(at) : bytes.readDoubleLE(at);
    const after = oddFloats[below(oddFloats.length)] ?? 0;
    if (byteLength === 4) bytes.writeFloatLE(after, at);
    else bytes.writeDoubleLE(after, at);
    return `${kind} ${of} ${before} → ${after}`;
  }
  const read = (): number => bytes.readUIntLE(at, Math.min(byteLength, 6));
  const before = read();
  const near = [before + 1, before - 1, before * 2, Math.floor(before / 2)];
  const chosen = below(2) === 0 ? near[below(near.length)] : oddIntegers[below(oddIntegers.length)];
  const after = Math.max(0, chosen ?? 0) % 2 ** (8 * Math.min(byteLength, 6));
  bytes.writeUIntLE(after, at, Math.min(byteLength, 6));
  return `${kind} ${of} ${before} → ${after}`;
}
