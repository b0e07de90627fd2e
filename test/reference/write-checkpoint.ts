import { mkdir, open, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { dtypeBytes } from '../../src/convert/safetensors/dtypes.ts';
import type { Dtype } from '../../src/convert/safetensors/dtypes.ts';
import { indexFile } from '../../src/convert/safetensors/weight-map.ts';
import type { Shapes } from './gemma3-shapes.ts';
import { randomBits, randomElements } from './random.ts';
import type { RandomDtype } from './random.ts';

/** A checkpoint of random weights. */
export interface SyntheticCheckpoint {
  /** Files that are written as they are, by name: objects as JSON, anything else as its bytes. */
  readonly files: Readonly<Record<string, object | string | Buffer>>;
  readonly shapes: Shapes;
  readonly dtype: RandomDtype;
  /** Of tensors that have another; `elementsOf` must make them. */
  readonly dtypes?: ReadonlyMap<string, Dtype>;
  readonly seed: number;
  /** How many shards; the tensors are dealt out to them in turn. One makes a single `model.safetensors`. */
  readonly shards: number;
  /** Makes a tensor's bytes out of random 32-bit numbers. Without it, bits that try the edges of the number format. */
  readonly elementsOf?: (tensor: string, shape: readonly number[], next: () => number) => Uint8Array;
}

/** The bytes of a safetensors header for tensors that follow one another in the order of `shapes`. */
export function safetensorsHeader(
  shapes: Shapes,
  usual: RandomDtype,
  dtypes: ReadonlyMap<string, Dtype> = new Map(),
): Buffer {
  let end = 0;
  const entries = Array.from(shapes, ([name, shape]) => {
    const begin = end;
    const dtype = dtypes.get(name) ?? usual;
    end += shape.reduce((product, size) => product * size, dtypeBytes[dtype]);
    return [name, { dtype, shape, data_offsets: [begin, end] }];
  });
  const json = Buffer.from(JSON.stringify({ __metadata__: { format: 'pt' }, ...Object.fromEntries(entries) }));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.byteLength));
  return Buffer.concat([length, json]);
}

/**
 * Writes a checkpoint in Hugging Face's layout. The same one is always written the same. Without its weights the files
 * have their headers and their lengths: all that a conversion is planned by.
 */
export async function writeCheckpoint(
  directory: string,
  checkpoint: SyntheticCheckpoint,
  { withWeights = true } = {},
): Promise<void> {
  const { files, shapes, dtype, dtypes, seed, shards, elementsOf } = checkpoint;
  await mkdir(directory, { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    const isRaw = typeof content === 'string' || Buffer.isBuffer(content);
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await writeFile(join(directory, name), isRaw ? content : JSON.stringify(content, undefined, 2));
  }
  const next = randomBits(seed);
  const names = Array.from({ length: shards }, (_, shard) =>
    shards === 1
      ? 'model.safetensors'
      : `model-${String(shard + 1).padStart(5, '0')}-of-${String(shards).padStart(5, '0')}.safetensors`,
  );
  const weightMap = Object.fromEntries([...shapes.keys()].map((tensor, i) => [tensor, names[i % shards]]));
  for (const name of names) {
    const within = new Map([...shapes].filter(([tensor]) => weightMap[tensor] === name));
    const handle = await open(join(directory, name), 'w');
    const header = safetensorsHeader(within, dtype, dtypes);
    await handle.write(header);
    let length = header.byteLength;
    for (const [tensor, shape] of within) {
      const count = shape.reduce((product, size) => product * size, 1);
      length += count * dtypeBytes[dtypes?.get(tensor) ?? dtype];
      if (withWeights) await handle.write(elementsOf?.(tensor, shape, next) ?? randomElements(dtype, count, next));
    }
    if (!withWeights) await handle.truncate(length);
    await handle.close();
  }
  if (shards > 1) {
    await writeFile(join(directory, indexFile), JSON.stringify({ metadata: {}, weight_map: weightMap }));
  }
}
