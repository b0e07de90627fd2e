import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import backend from '../../../backends/node-llama-cpp/index.ts';
import { LoadedLlama } from '../../../backends/node-llama-cpp/loaded-llama.ts';
import type { ChatMessage, GenerateRequest } from '../../../src/backend/index.ts';
import { ask } from '../../engine/ask.ts';
import { greedyRequest } from '../../engine/greedy.ts';
import { faithfulCheckpoint } from '../../engine/seeing-checkpoints.ts';
import { writeCheckpoint } from '../../reference/write-checkpoint.ts';
import { answer } from '../../support/shapes-engine.ts';
import { convertCheckpoint } from '../../../src/convert/index.ts';
import { defaultLoadSettings } from '../../../src/settings/index.ts';

const onProgress = (): void => undefined;
const checkpoint = faithfulCheckpoint('deepseek-ocr-tiny');
const { added_tokens: added } = checkpoint.files['tokenizer.json'] as {
  added_tokens: readonly { readonly id: number; readonly content: string }[];
};
const idOf = (text: string): number => added.find(({ content }) => content === text)?.id ?? -1;

/** Says nothing but one of two tokens: whatever comes out of the last layer, the one or the other is the likeliest. */
function outputOf(shape: readonly number[], [first, second]: Pair): Uint8Array {
  const [rows = 0, width = 0] = shape;
  const elements = new Uint16Array(rows * width);
  elements.fill(0x3f_80, idOf(first) * width, (idOf(first) + 1) * width); // 1 in bfloat16
  elements.fill(0xbf_80, idOf(second) * width, (idOf(second) + 1) * width); // -1
  return new Uint8Array(elements.buffer);
}

type Pair = readonly [string, string];

async function load(folder: string, pair: Pair): Promise<LoadedLlama> {
  const { signal } = new AbortController();
  const sourceDir = join(folder, 'deepseek-ocr');
  const { elementsOf } = checkpoint;
  if (elementsOf === undefined) throw new Error('no weights');
  await writeCheckpoint(sourceDir, {
    ...checkpoint,
    elementsOf: (tensor, shape, next) =>
      tensor === 'lm_head.weight' ? outputOf(shape, pair) : elementsOf(tensor, shape, next),
  });
  const files = await convertCheckpoint({ sourceDir, destinationDir: folder, outtype: 'f32', onProgress, signal });
  const settings = { ...defaultLoadSettings, devices: 'cpu', maxLength: 512, maxBatchSize: 1, threads: 1 };
  const loaded = await backend.load(files, settings, { onProgress, log: () => undefined, signal });
  if (!(loaded instanceof LoadedLlama)) throw new Error('not a model of node-llama-cpp');
  return loaded;
}

const folders: string[] = [];
/** Says nothing but `<|ref|>` or `<|det|>`, by which places are told. */
let model: LoadedLlama;
/** Says nothing but `<image>` or `<|User|>`, which are no part of what is said. */
let controlling: LoadedLlama;
beforeAll(async () => {
  folders.push(await mkdtemp(join(tmpdir(), 'vserve-spoken-')), await mkdtemp(join(tmpdir(), 'vserve-spoken-')));
  const [first = '', second = ''] = folders;
  model = await load(first, ['<|ref|>', '<|det|>']);
  controlling = await load(second, ['<image>', '<|User|>']);
});
afterAll(async () => {
  await model.close();
  await controlling.close();
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
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

describe('a control token in an answer', () => {
  const messages: readonly ChatMessage[] = [{ role: 'user', content: [{ type: 'text', text: 'Where?' }] }];
  const say = (changes: Partial<GenerateRequest>): ReturnType<typeof answer> =>
    answer(controlling, { messages, ...greedyRequest, maxTokens: 6, ignoreEos: true, ...changes });

  it('is left out', async () => {
    const { text, finish } = await say({});
    expect(text).toBe('');
    expect(finish.usage.completionTokens).toBe(6);
  });

  it('is shown where the client wants it', async () => {
    expect((await say({ skipSpecialTokens: false })).text).toMatch(/^(<image>|<\|User\|>){6}$/);
  });

  it('can then end it as a stop string', async () => {
    const { text } = await say({ skipSpecialTokens: false, maxTokens: 1 });
    const { text: stopped, finish } = await say({ skipSpecialTokens: false, stop: [text] });
    expect(stopped).toBe('');
    expect(finish).toMatchObject({ reason: 'stop', usage: { completionTokens: 1 } });
  });
});
