import { referenceCheckpoints } from '../../reference/checkpoints.ts';
import type { SyntheticCheckpoint } from '../../reference/write-checkpoint.ts';
import { seeingWeights } from '../seeing-weights.ts';

const reference = 'mistral-fp8-tekken-tiny';

/**
 * A Mistral whose vocabulary is a tekken.json, Mistral's own file. The weights of its reference checkpoint try the edges of
 * their formats, and compute no numbers; these do.
 */
export function tekkenCheckpoint(): SyntheticCheckpoint {
  const found = referenceCheckpoints[reference];
  if (found === undefined) throw new Error(`There is no checkpoint ${reference}.`);
  const { files, shapes, seed } = found.checkpoint;
  const { quantization_config: _, ...config } = files['config.json'] as Record<string, unknown>;
  const tokens = new Set(Array.from({ length: Number(config['vocab_size']) }, (_, id) => id));
  return {
    files: { ...files, 'config.json': config },
    shapes: new Map([...shapes].filter(([name]) => name.endsWith('.weight'))),
    dtype: 'BF16',
    seed,
    shards: 1,
    elementsOf: seeingWeights(tokens, tokens, 0.3, false),
  };
}
