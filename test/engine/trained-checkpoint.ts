import { readFileSync, readdirSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fixture } from '../reference/checkpoints.ts';
import type { SyntheticCheckpoint } from '../reference/write-checkpoint.ts';

/** The trained checkpoint of the repository, a Gemma 3 with a chat template, a tokenizer and a processor of its own. */
export const trainedName = 'shapes-vlm';

interface Entry {
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

/** The trained checkpoint in the form of those that are made up. */
export function trainedCheckpoint(): SyntheticCheckpoint {
  const folder = fixture(`../models/${trainedName}`);
  const names = readdirSync(folder).filter((name) => !['.md', '.safetensors'].includes(extname(name)));
  const files = names.map((name): [string, object | Buffer] => {
    const bytes = readFileSync(join(folder, name));
    return [name, name.endsWith('.json') ? (JSON.parse(bytes.toString()) as object) : bytes];
  });
  const weights = readFileSync(join(folder, 'model.safetensors'));
  const begin = 8 + Number(weights.readBigUInt64LE());
  const { __metadata__, ...entries } = JSON.parse(weights.toString('utf8', 8, begin)) as Record<string, Entry>;
  return {
    files: Object.fromEntries(files),
    shapes: new Map(Object.entries(entries).map(([name, { shape }]) => [name, shape])),
    dtype: 'BF16',
    seed: 0,
    shards: 1,
    elementsOf: (tensor) => {
      const [from = 0, to = 0] = entries[tensor]?.data_offsets ?? [];
      return weights.subarray(begin + from, begin + to);
    },
  };
}
