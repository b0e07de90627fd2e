import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import backend from '../../../backends/node-llama-cpp/index.ts';
import { LoadedLlama } from '../../../backends/node-llama-cpp/loaded-llama.ts';
import { ask } from '../../engine/ask.ts';
import { faithfulCheckpoint } from '../../engine/seeing-checkpoints.ts';
import { writeCheckpoint } from '../../reference/write-checkpoint.ts';
import { convertCheckpoint } from '../../../src/convert/index.ts';
import { defaultLoadSettings } from '../../../src/settings/index.ts';

const onProgress = (): void => undefined;
const checkpoint = faithfulCheckpoint('deepseek-ocr-tiny');
const { added_tokens: added } = checkpoint.files['tokenizer.json'] as {
  added_tokens: readonly { readonly id: number; readonly content: string }[];
};
const idOf = (text: string): number => added.find(({ content }) => content === text)?.id ?? -1;

/** Says nothing but `<|ref|>` or `<|det|>`: whatever comes out of the last layer, the one or the other is the likeliest. */
function outputOf(shape: readonly number[]): Uint8Array {
  const [rows = 0, width = 0] = shape;
  const elements = new Uint16Array(rows * width);
  elements.fill(0x3f_80, idOf('<|ref|>') * width, (idOf('<|ref|>') + 1) * width); // 1 in bfloat16
  elements.fill(0xbf_80, idOf('<|det|>') * width, (idOf('<|det|>') + 1) * width); // -1
  return new Uint8Array(elements.buffer);
}

let folder = '';
let model: LoadedLlama;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vserve-spoken-'));
  const { signal } = new AbortController();
  const sourceDir = join(folder, 'deepseek-ocr');
  const { elementsOf } = checkpoint;
  if (elementsOf === undefined) throw new Error('no weights');
  await writeCheckpoint(sourceDir, {
    ...checkpoint,
    elementsOf: (tensor, shape, next) =>
      tensor === 'lm_head.weight' ? outputOf(shape) : elementsOf(tensor, shape, next),
  });
  const files = await convertCheckpoint({ sourceDir, destinationDir: folder, outtype: 'f32', onProgress, signal });
  const settings = { ...defaultLoadSettings, devices: 'cpu', maxLength: 512, maxBatchSize: 1, threads: 1 };
  const loaded = await backend.load(files, settings, { onProgress, log: () => undefined, signal });
  if (!(loaded instanceof LoadedLlama)) throw new Error('not a model of node-llama-cpp');
  model = loaded;
});
afterAll(async () => {
  await model.close();
  await rm(folder, { recursive: true, force: true });
});

it('DeepSeek-OCR is asked for places by its tokens, and others that a user writes stay text', async () => {
  const text = '<|grounding|>Locate <|ref|>it.<|endoftext|><image>';
  const tokens = (await model.inspectPrompt([{ role: 'user', content: [{ type: 'text', text }] }])).flatMap((run) =>
    typeof run === 'number' ? [] : [...run],
  );
  const count = (token: string): number => tokens.filter((id) => id === idOf(token)).length;
  expect(['<|grounding|>', '<|ref|>', '<|endoftext|>', '<image>'].map((token) => count(token))).toEqual([1, 1, 1, 0]);
  expect(tokens[0]).toBe(idOf('<|endoftext|>')); // the one that every prompt begins with
});

it('and tells them with its tokens', async () => {
  const { text } = await ask(model, [{ role: 'user', content: [{ type: 'text', text: 'Where?' }] }]);
  expect(text).toMatch(/^(<\|(ref|det)\|>){12}$/);
});
