import { join } from 'node:path';
import { expect, test } from 'vitest';
import { trainedCheckpoint, trainedName } from '../../engine/trained-checkpoint.ts';
import { asTransformers5 } from '../../reference/as-transformers-5.ts';
import { referenceCheckpoints } from '../../reference/checkpoints.ts';
import { writeCheckpoint } from '../../reference/write-checkpoint.ts';
import type { SyntheticCheckpoint } from '../../reference/write-checkpoint.ts';
import { parseGgufHeader } from '../../../src/gguf/read-header.ts';
import { planConversion } from '../../../src/convert/plan/plan-conversion.ts';
import { temporaryFolder } from '../support/checkpoints.ts';

async function tokenizerOf(checkpoint: SyntheticCheckpoint): Promise<Map<string, unknown>> {
  const sourceDir = join(await temporaryFolder(), 'checkpoint');
  await writeCheckpoint(sourceDir, checkpoint, { withWeights: false });
  const { files } = await planConversion({ sourceDir, outtype: 'auto' });
  const header = files.find(({ file }) => file === 'model.gguf')?.header;
  if (header === undefined) throw new Error('There is no model.gguf');
  return new Map(parseGgufHeader(header).keyValues);
}

const key = (name: string): string => `tokenizer.ggml.${name}`;

/** Each family with a SentencePiece vocabulary, and the tokens that transformers 5 calls special and 4 did not. */
test.each([
  [trainedName, 2],
  ['gemma3n-tiny', 0],
  ['ernie4.5-tiny', 0],
  ['paddleocr-vl-tiny', 0],
  ['llava-tiny', 0],
] as const)(
  '%s as transformers 5 saves it, without tokenizer.model, has the same vocabulary',
  async (name, moreSpecial) => {
    const checkpoint = name === trainedName ? trainedCheckpoint() : referenceCheckpoints[name]?.checkpoint;
    if (checkpoint === undefined) throw new Error(`There is no ${name}`);
    expect(checkpoint.files).toHaveProperty(['tokenizer.model']);
    const own = await tokenizerOf(checkpoint);
    const saved = await tokenizerOf(asTransformers5(checkpoint));
    for (const name of ['model', 'pre', 'tokens', 'bos_token_id', 'eos_token_id', 'unknown_token_id']) {
      expect(saved.get(key(name)), name).toEqual(own.get(key(name)));
    }
    // What llama.cpp takes for granted where a file says nothing of it.
    for (const [name, assumed] of [
      ['add_bos_token', true],
      ['add_eos_token', false],
      ['add_space_prefix', true],
    ] as const) {
      expect(saved.get(key(name)) ?? assumed, name).toBe(own.get(key(name)) ?? assumed);
    }
    const [types, ownTypes] = [saved, own].map((keyValues) => keyValues.get(key('token_type')) as readonly number[]);
    const different = ownTypes?.flatMap((type, id) => (type === types?.[id] ? [] : [[type, types?.[id]]]));
    expect(different).toEqual(Array.from({ length: moreSpecial }, () => [4, 3]));
  },
);
