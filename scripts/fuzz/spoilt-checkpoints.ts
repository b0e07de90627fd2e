import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeGguf } from '../../src/convert/index.ts';
import { planConversion } from '../../src/convert/plan/plan-conversion.ts';
import { dtypeBytes } from '../../src/convert/safetensors/dtypes.ts';
import { referenceCheckpoints } from '../../test/reference/checkpoints.ts';
import { randomBits } from '../../test/reference/random.ts';
import { safetensorsHeader } from '../../test/reference/write-checkpoint.ts';
import type { SyntheticCheckpoint } from '../../test/reference/write-checkpoint.ts';
import { mutateBytes, mutateJson } from './mutate.ts';
import type { Below } from './mutate.ts';

/** A checkpoint on disk whose tensors are holes in the file: only headers are read. */
interface Base {
  readonly folder: string;
  readonly files: ReadonlyMap<string, Buffer>;
  readonly header: Buffer;
  readonly weightBytes: number;
  /** The headers of the GGUF files made from it. */
  readonly ggufHeaders: readonly Buffer[];
}

const weights = 'model.safetensors';

/**
 * Reference checkpoints with one corrupted file at a time: the header of the weights, a configuration, a part of the
 * tokenizer, or the header of a GGUF file made from them. A case depends only on the seed and its number.
 */
export class SpoiltCheckpoints {
  readonly #bases: readonly Base[];

  private constructor(bases: readonly Base[]) {
    this.#bases = bases;
  }

  /**
   * Writes the named checkpoints to temporary folders, which `remove` deletes. A name given twice is corrupted twice as
   * often. `onWritten` is called after each.
   */
  static async write(names: readonly string[], onWritten: () => void = () => undefined): Promise<SpoiltCheckpoints> {
    const bases = new Map<string, Base>();
    for (const name of new Set(names)) {
      bases.set(name, await writeBase(name));
      onWritten();
    }
    return new SpoiltCheckpoints(names.map((name) => bases.get(name)).filter((base) => base !== undefined));
  }

  async remove(): Promise<void> {
    for (const { folder } of new Set(this.#bases)) await rm(folder, { recursive: true });
  }

  /** Total size of a case's checkpoint before corruption, weights included. */
  bytesOf(seed: number, number: number): number {
    const { files, header, weightBytes } = this.#baseOf(belowOf(seed, number));
    return [...files.values()].reduce((sum, { byteLength }) => sum + byteLength, header.byteLength + weightBytes);
  }

  /** Plans the conversion of a corrupted checkpoint, or describes a corrupted GGUF file. Throws what that throws. */
  async tryCase(seed: number, number: number): Promise<void> {
    const below = belowOf(seed, number);
    const { folder, files, header, weightBytes, ggufHeaders } = this.#baseOf(below);
    const kind = below(4);
    if (kind === 0) {
      const path = join(folder, 'spoilt.gguf');
      await writeFile(path, mutateBytes(ggufHeaders[below(ggufHeaders.length)] ?? Buffer.alloc(0), below));
      await describeGguf(path, undefined);
      return;
    }
    const names = [...files.keys()];
    const name = kind === 1 ? weights : kind === 2 ? 'config.json' : (names[below(names.length)] ?? '');
    try {
      if (name === weights) await writeWeights(folder, spoiltHeader(header, below), weightBytes - below(2));
      else await writeFile(join(folder, name), spoiltFile(name, files.get(name) ?? Buffer.alloc(0), below));
      await planConversion({ sourceDir: folder, outtype: 'auto' });
    } finally {
      await writeFile(join(folder, name), files.get(name) ?? '');
      if (name === weights) await writeWeights(folder, header, weightBytes);
    }
  }

  #baseOf(below: Below): Base {
    const base = this.#bases[below(this.#bases.length)];
    if (base === undefined) throw new Error('There are no checkpoints to spoil.');
    return base;
  }
}

function belowOf(seed: number, number: number): Below {
  const bits = randomBits(seed * 1_000_003 + number);
  return (limit) => bits() % limit;
}

async function writeBase(name: string): Promise<Base> {
  const checkpoint: SyntheticCheckpoint | undefined = referenceCheckpoints[name]?.checkpoint;
  if (checkpoint === undefined) throw new Error(`There is no checkpoint ${name}.`);
  const folder = await mkdtemp(join(tmpdir(), 'vserve-fuzz-'));
  const files = new Map<string, Buffer>();
  for (const [file, content] of Object.entries(checkpoint.files)) {
    const isRaw = typeof content === 'string' || Buffer.isBuffer(content);
    files.set(file, Buffer.from(isRaw ? content : JSON.stringify(content)));
  }
  for (const [file, bytes] of files) await writeFile(join(folder, file), bytes);
  const { shapes, dtype, dtypes } = checkpoint;
  const header = safetensorsHeader(shapes, dtype, dtypes);
  const weightBytes = Array.from(shapes, ([tensor, shape]) =>
    shape.reduce((product, size) => product * size, dtypeBytes[dtypes?.get(tensor) ?? dtype]),
  ).reduce((sum, bytes) => sum + bytes, 0);
  await writeWeights(folder, header, weightBytes);
  const plan = await planConversion({ sourceDir: folder, outtype: 'auto' });
  return { folder, files, header, weightBytes, ggufHeaders: plan.files.map((file) => Buffer.from(file.header)) };
}

async function writeWeights(folder: string, header: Buffer, weightBytes: number): Promise<void> {
  const file = await open(join(folder, weights), 'w');
  await file.write(header);
  await file.truncate(header.byteLength + weightBytes);
  await file.close();
}

function spoiltHeader(header: Buffer, below: Below): Buffer {
  if (below(2) === 0) return mutateBytes(header, below);
  const json = Buffer.from(JSON.stringify(mutateJson(JSON.parse(header.toString('utf8', 8)), below)) ?? '');
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.byteLength));
  return Buffer.concat([length, json]);
}

function spoiltFile(name: string, content: Buffer, below: Below): Buffer {
  if (!name.endsWith('.json') || below(4) === 0) return mutateBytes(content, below);
  return Buffer.from(JSON.stringify(mutateJson(JSON.parse(content.toString()), below)) ?? '');
}
