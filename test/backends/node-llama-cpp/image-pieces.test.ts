import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import backend from '../../../backends/node-llama-cpp/index.ts';
import { LoadedLlama } from '../../../backends/node-llama-cpp/loaded-llama.ts';
import { conversationsOf } from '../../engine/conversations.ts';
import { greedyRequest } from '../../engine/greedy.ts';
import { seeingCheckpoint } from '../../engine/seeing-checkpoints.ts';
import { writeCheckpoint } from '../../reference/write-checkpoint.ts';
import { until } from '../../support/shapes-engine.ts';
import type { ChatMessage, ModelFiles } from '../../../src/backend/index.ts';
import { convertCheckpoint } from '../../../src/convert/index.ts';
import { defaultLoadSettings } from '../../../src/settings/index.ts';

/** Of logits that cover more than five. */
const roundingOnly = 0.01;

async function load(files: ModelFiles, maxBatchInputTokens: number): Promise<LoadedLlama> {
  const model = await backend.load(
    files,
    {
      ...defaultLoadSettings,
      devices: 'cpu',
      maxLength: 8192,
      maxBatchSize: 3,
      threads: 1,
      maxBatchInputTokens,
      kvCacheFormat: 'f32',
      flashAttention: 'off',
    },
    { onProgress: () => undefined, log: () => undefined, signal: new AbortController().signal },
  );
  if (!(model instanceof LoadedLlama)) throw new Error('not a model of node-llama-cpp');
  return model;
}

const requestOf = (messages: readonly ChatMessage[]) => ({ messages, ...greedyRequest, maxTokens: 1, ignoreEos: true });

async function firstLogits(model: LoadedLlama, messages: readonly ChatMessage[]): Promise<Map<number, number>> {
  const likeliest = await model.firstLogits(requestOf(messages), 20);
  return new Map(likeliest.map(({ token, logit }) => [token, logit]));
}

function greatestDifference(some: ReadonlyMap<number, number>, others: ReadonlyMap<number, number>): number {
  return Math.max(...[...some].slice(0, 10).map(([token, logit]) => Math.abs(logit - (others.get(token) ?? NaN))));
}

/** Generates until told to end. */
async function streamOf(model: LoadedLlama) {
  const controller = new AbortController();
  let tokens = 0;
  const ended = (async () => {
    const content = [{ type: 'text', text: 'Hello' } as const];
    const endless = { ...requestOf([{ role: 'user', content }]), maxTokens: undefined };
    for await (const event of model.generate(endless, controller.signal)) {
      if (event.type === 'text-delta') tokens += event.tokens;
    }
  })().catch(() => undefined);
  await until(() => tokens > 0);
  return {
    tokens: () => tokens,
    end: () => {
      controller.abort();
      return ended;
    },
  };
}

// The one has positions of three dimensions, the other a recurrent state.
describe.each(['qwen2.5-vl-tiny', 'lfm2-vl-tiny'])('a converted %s', (name) => {
  const conversations = conversationsOf(name).slice(0, 3);
  let folder = '';
  let whole: LoadedLlama;
  let pieces: LoadedLlama;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vserve-pieces-'));
    const sourceDir = join(folder, name);
    await writeCheckpoint(sourceDir, seeingCheckpoint(name));
    const files = await convertCheckpoint({
      sourceDir,
      destinationDir: folder,
      outtype: 'f32',
      onProgress: () => undefined,
      signal: new AbortController().signal,
    });
    [whole, pieces] = await Promise.all([load(files, 512), load(files, 7)]);
  });
  afterAll(async () => {
    await Promise.all([whole.close(), pieces.close()]);
    await rm(folder, { recursive: true, force: true });
  });

  it('computes the same of images in small pieces, several at a time, beside a stream', async () => {
    const expected = [];
    for (const messages of conversations) expected.push(await firstLogits(whole, messages));
    const stream = await streamOf(pieces);
    const logits = await Promise.all(conversations.map((messages) => firstLogits(pieces, messages)));
    for (const [i, some] of logits.entries()) {
      expect(greatestDifference(expected[i] ?? new Map(), some)).toBeLessThan(roundingOnly);
    }
    await stream.end();
  });

  it('answers as before after an image was given up halfway', async () => {
    const [messages = []] = conversations;
    const expected = await firstLogits(whole, messages);
    pieces.resetPrefixCache();
    const stream = await streamOf(pieces);
    const controller = new AbortController();
    const givenUp = pieces.generate(requestOf(messages), controller.signal);
    await givenUp.next();
    const before = stream.tokens();
    const failed = expect(givenUp.next()).rejects.toThrow('given up');
    // A piece is computed beside each token of the stream.
    await until(() => stream.tokens() > before + 2);
    controller.abort(new Error('given up'));
    await failed;
    await stream.end();
    expect(greatestDifference(expected, await firstLogits(pieces, messages))).toBeLessThan(roundingOnly);
  });
});
