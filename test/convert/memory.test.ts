import { execFile } from 'node:child_process';
import { mkdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { textShapes } from '../reference/gemma3-shapes.ts';
import { sentencePieceModel, syntheticPieces } from '../reference/sentencepiece-writer.ts';
import { safetensorsHeader } from '../reference/write-checkpoint.ts';
import { temporaryFolder } from './support/checkpoints.ts';

/** A checkpoint whose embedding alone has `megabytes` (of zeros, in a file with a hole). */
async function writeWideCheckpoint(folder: string, megabytes: number): Promise<void> {
  const width = (megabytes * 1024 * 1024) / 2 / 1024;
  const sizes = { vocabulary: 1024, width, inner: 32, layers: 1, heads: 1, headsKv: 1, headDim: 32 };
  const shapes = textShapes(sizes, '');
  const header = safetensorsHeader(shapes, 'BF16');
  const elements = [...shapes.values()].map((shape) => shape.reduce((product, size) => product * size, 1));
  const path = join(folder, 'model.safetensors');
  await mkdir(folder);
  await writeFile(path, header);
  await truncate(path, header.byteLength + 2 * elements.reduce((sum, count) => sum + count, 0));
  const config = {
    architectures: ['Gemma3ForCausalLM'],
    vocab_size: sizes.vocabulary,
    hidden_size: width,
    intermediate_size: sizes.inner,
    num_hidden_layers: sizes.layers,
    num_attention_heads: sizes.heads,
    num_key_value_heads: sizes.headsKv,
    head_dim: sizes.headDim,
  };
  await writeFile(join(folder, 'config.json'), JSON.stringify(config));
  await writeFile(join(folder, 'tokenizer.model'), sentencePieceModel(syntheticPieces(1024)));
}

async function peakRssOf(megabytes: number): Promise<number> {
  const folder = await temporaryFolder();
  const source = join(folder, 'checkpoint');
  await writeWideCheckpoint(source, megabytes);
  const script = fileURLToPath(new URL('support/convert-and-measure.js', import.meta.url));
  const command = [script, source, join(folder, 'converted'), 'q8_0'];
  const { stdout } = await promisify(execFile)(process.execPath, command);
  return Number(stdout);
}

test('a tensor of 640 MB takes no more memory than one of 128 MB', async () => {
  const large = await peakRssOf(640);
  const small = await peakRssOf(128);
  // Both are long enough for every thread and buffer. What remains is the runtime's own, which varies a little.
  expect(large - small).toBeLessThan(64 * 1024 * 1024);
  expect(large).toBeLessThan(512 * 1024 * 1024);
});
