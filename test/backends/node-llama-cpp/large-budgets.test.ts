import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import backend from '../../../backends/node-llama-cpp/index.ts';
import { convertCheckpoint } from '../../../src/convert/index.ts';
import type {
  ContentPart,
  GenerateRequest,
  GenerationEvent,
  ImageReceipt,
  LoadedModel,
  LoadSettings,
  ModelFiles,
} from '../../../src/backend/index.ts';
import { defaultLoadSettings } from '../../../src/settings/index.ts';
import { bitmapOf } from '../../engine/conversations.ts';
import { greedyRequest } from '../../engine/greedy.ts';
import { faithfulCheckpoint } from '../../engine/seeing-checkpoints.ts';
import { writeCheckpoint } from '../../reference/write-checkpoint.ts';

/** Its pictures are decoded in one piece. */
const name = 'gemma4-31b-tiny';
const { signal } = new AbortController();
const onProgress = (): void => undefined;

let folder: string;
let files: ModelFiles;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vserve-budgets-'));
  const sourceDir = join(folder, name);
  await writeCheckpoint(sourceDir, faithfulCheckpoint(name));
  files = await convertCheckpoint({ sourceDir, destinationDir: folder, outtype: 'f32', onProgress, signal });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function load(settings: Partial<LoadSettings>): Promise<LoadedModel> {
  const usual = { ...defaultLoadSettings, devices: 'cpu', maxLength: 4096, threads: 1, kvCacheFormat: 'f32' as const };
  return backend.load(files, { ...usual, ...settings }, { onProgress, log: () => undefined, signal });
}

function asking(
  seed: number,
  tokens: number | undefined,
  width = 400,
  height = 300,
  question = 'What is in this picture?',
): GenerateRequest {
  const content: ContentPart[] = [
    { type: 'image', image: bitmapOf({ width, height, seed }) },
    { type: 'text', text: question },
  ];
  const imageProcessor = tokens === undefined ? undefined : { max_soft_tokens: tokens };
  const messages = [{ role: 'user' as const, content }];
  return { messages, ...greedyRequest, maxTokens: 4, ignoreEos: true, imageProcessor };
}

interface Answered {
  readonly text: string;
  readonly images: readonly ImageReceipt[];
  readonly usage: Extract<GenerationEvent, { type: 'finish' }>['usage'];
}

async function answerTo(model: LoadedModel, request: GenerateRequest): Promise<Answered> {
  let text = '';
  let images: readonly ImageReceipt[] = [];
  for await (const event of model.generate(request, new AbortController().signal)) {
    if (event.type === 'text-delta') text += event.text;
    if (event.type === 'prefilled') images = event.images ?? [];
    if (event.type === 'finish') return { text, images, usage: event.usage };
  }
  throw new Error('There was no end.');
}

it('Gemma 4 answers eight at a time with its largest budget as one alone, though a step is smaller', async () => {
  // Encoded once, which is most of the work, and decoded for each.
  const model = await load({ maxBatchSize: 8, maxBatchInputTokens: 64, enablePrefixCaching: false });
  try {
    const questions = Array.from({ length: 8 }, (_, n) => `What is in this picture, number ${String(n)}?`);
    // 35 by 32 tokens of 48 pixels: no picture has more.
    const ask = (question: string): Promise<Answered> => answerTo(model, asking(1, 1120, 1680, 1536, question));
    const alone = await ask(questions[0] ?? '');
    expect(alone.images).toMatchObject([{ tokens: 1120, seen: { width: 1680, height: 1536 } }]);
    const together = await Promise.all(questions.map(ask));
    expect(together.map(({ images }) => images[0])).toMatchObject(
      questions.map(() => ({ tokens: 1120, wasEncoded: true })),
    );
    expect(together[0]?.text).toBe(alone.text);
  } finally {
    await model.close();
  }
});

describe('a picture at two budgets', () => {
  let model: LoadedModel;
  beforeAll(async () => {
    model = await load({ maxBatchSize: 1 });
  });
  afterAll(() => model.close());

  it('has two places in the caches, and its receipts tell which had it', async () => {
    const small = await answerTo(model, asking(3, 70));
    expect(small.images).toMatchObject([{ tiles: 0, wasEncoded: false, wasComputed: false }]);
    expect(small.images[0]?.tokens).toBeLessThanOrEqual(70);
    expect(small.usage.imageTokens).toBe(small.images[0]?.tokens);
    const large = await answerTo(model, asking(3, 280));
    expect(large.images).toMatchObject([{ wasEncoded: false, wasComputed: false }]);
    expect(large.images[0]?.tokens).toBeGreaterThan(140);
    for (const [tokens, before] of [
      [70, small],
      [280, large],
    ] as const) {
      const again = await answerTo(model, asking(3, tokens));
      expect(again.text).toBe(before.text);
      expect(again.images).toMatchObject([{ tokens: before.images[0]?.tokens, wasEncoded: true, encodeMs: 0 }]);
    }
    const last = await answerTo(model, asking(3, 280));
    expect(last.images).toMatchObject([{ wasComputed: true }]);
  });

  it('is counted as it will be seen', async () => {
    const counted = async (tokens?: number): Promise<number | undefined> =>
      model.countPrompt?.(asking(4, tokens), new AbortController().signal);
    const { usage } = await answerTo(model, asking(4, 140));
    expect(await counted(140)).toBe(usage.promptTokens);
    expect(await counted()).toBeGreaterThan(usage.promptTokens);
  });
});

it('--image-max-tokens is what pictures have, and what requests may ask for', async () => {
  const model = await load({ maxBatchSize: 1, imageMaxTokens: 140 });
  try {
    const { images } = await answerTo(model, asking(5, undefined));
    expect(images[0]?.tokens).toBeGreaterThan(70);
    expect(images[0]?.tokens).toBeLessThanOrEqual(140);
    await expect(answerTo(model, asking(5, 280))).rejects.toMatchObject({
      code: 'undecodable',
      message: expect.stringContaining('at most 140') as string,
    });
  } finally {
    await model.close();
  }
});
