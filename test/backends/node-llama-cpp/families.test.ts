import { mkdtemp, rm } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import backend from '../../../backends/node-llama-cpp/index.ts';
import { LoadedLlama } from '../../../backends/node-llama-cpp/loaded-llama.ts';
import { ask } from '../../engine/ask.ts';
import type { OwnAnswer } from '../../engine/ask.ts';
import { bitmapOf, conversationsOf } from '../../engine/conversations.ts';
import { greedyRequest } from '../../engine/greedy.ts';
import { peerAttendsInSingles } from '../../engine/llama-server.ts';
import type { PeerAnswer } from '../../engine/llama-server.ts';
import { seeingCheckpoint } from '../../engine/seeing-checkpoints.ts';
import { writeCheckpoint } from '../../reference/write-checkpoint.ts';
import type { ChatMessage, ContentPart, LoadedModel, LoadSettings, ModelFiles } from '../../../src/backend/index.ts';
import { convertCheckpoint } from '../../../src/convert/index.ts';
import { defaultLoadSettings } from '../../../src/settings/index.ts';

/** What llama-server answers, by `scripts/compare-engine.ts`. */
const reference = JSON.parse(
  readFileSync(new URL('../../fixtures/engine/llama-server.json', import.meta.url), 'utf8'),
) as Readonly<Record<string, readonly PeerAnswer[]>>;

/** Closer calls may fall otherwise with another CPU's kernels. */
const clearMargin = 0.05;

/** Of logits that cover more than five. In other places of the cache they are added up in another order: Gemma 3's to 0.003. */
const roundingOnly = 0.01;

/** Families that cut this picture into tiles, forget (a window, a recurrent state), or have tiles' rows ended by newlines. */
const computedAgain: ReadonlySet<string> = new Set([
  'deepseek-ocr-tiny',
  'gemma3-tiny',
  'granite4-vision-tiny',
  'idefics3-tiny',
  'internvl3-tiny',
  'lfm2-vl-tiny',
  'smolvlm-tiny',
]);

async function load(files: ModelFiles, settings: Partial<LoadSettings>): Promise<LoadedModel> {
  return backend.load(
    files,
    // The encoder multiplies as llama-server's does: kernels of another precision decide close calls otherwise.
    {
      ...defaultLoadSettings,
      devices: 'cpu',
      maxLength: 8192,
      maxBatchSize: 2,
      threads: 1,
      mmprojEncoding: 'original',
      ...settings,
    },
    { onProgress: () => undefined, log: () => undefined, signal: new AbortController().signal },
  );
}

async function askAll(
  files: ModelFiles,
  settings: Partial<LoadSettings>,
  conversations: readonly (readonly ChatMessage[])[],
): Promise<(OwnAnswer & { counted: number | undefined })[]> {
  const model = await load(files, settings);
  const answers = [];
  for (const messages of conversations) {
    const request = { messages: messages.map(withSizesOnly), ...greedyRequest };
    const counted = await model.countPrompt?.(request, new AbortController().signal);
    answers.push({ ...(await ask(model, messages)), counted });
  }
  await model.close();
  return answers;
}

/** Its pictures have no pixels. */
const withSizesOnly = ({ role, content }: ChatMessage): ChatMessage => ({
  role,
  content: content.map((part) =>
    part.type === 'image' ? { ...part, image: { ...part.image, rgb: new Uint8Array() } } : part,
  ),
});

const asked = (...content: ContentPart[]): ChatMessage => ({ role: 'user', content });

/**
 * Two conversations about a picture, which its family cuts into tiles where it does that: the second begins as the first does,
 * up to the end of the picture.
 */
function conversationsOfOneBeginning(name: string): [ChatMessage[], ChatMessage[]] {
  const [picture, question] = conversationsOf(name)[5]?.[0]?.content ?? [];
  if (picture?.type !== 'image' || question === undefined) throw new Error('no picture');
  // DeepSeek-OCR's conversations are about pictures that it leaves whole.
  const image = name.startsWith('deepseek-ocr') ? bitmapOf({ width: 700, height: 350, seed: 5 }) : picture.image;
  const other = asked({ type: 'image', image }, { type: 'text', text: 'Why?' });
  const answer: ChatMessage = { role: 'assistant', content: [{ type: 'text', text: ' A circle.' }] };
  return [[asked({ type: 'image', image }, question)], [other, answer, asked(question)]];
}

/** The logits of the tokens that are likeliest to begin each answer, computed without rounding to half precision. */
async function firstLogits(
  files: ModelFiles,
  settings: Partial<LoadSettings>,
  conversations: readonly (readonly ChatMessage[])[],
): Promise<Map<number, number>[]> {
  const model = await load(files, { kvCacheFormat: 'f32', flashAttention: 'off', ...settings });
  if (!(model instanceof LoadedLlama)) throw new Error('not a model of node-llama-cpp');
  const logits: Map<number, number>[] = [];
  for (const messages of conversations) {
    const request = { messages, ...greedyRequest, maxTokens: 1, ignoreEos: true };
    const likeliest = await model.firstLogits(request, 20);
    logits.push(new Map(likeliest.map(({ token, logit }) => [token, logit])));
  }
  await model.close();
  return logits;
}

describe.each(Object.entries(reference))('a converted %s', (name, expected) => {
  const conversations = conversationsOf(name);
  let folder = '';
  let plain: Awaited<ReturnType<typeof askAll>>;
  /** With caches: in their order, and back again. */
  let cached: OwnAnswer[];
  let files: ModelFiles;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vserve-family-'));
    const sourceDir = join(folder, name);
    await writeCheckpoint(sourceDir, seeingCheckpoint(name));
    files = await convertCheckpoint({
      sourceDir,
      destinationDir: folder,
      outtype: 'f32',
      onProgress: () => undefined,
      signal: new AbortController().signal,
    });
    // The encoder's attention stays as it is by default.
    const settings = peerAttendsInSingles(name) ? ({ kvCacheFormat: 'f32' } as const) : {};
    [plain, cached] = await Promise.all([
      askAll(files, { ...settings, enablePrefixCaching: false, maxVisionCacheEntries: 0 }, conversations),
      askAll(files, settings, [...conversations, ...conversations.toReversed()]),
    ]);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('gets prompts as long as llama-server’s, and answers the same, token for token', () => {
    expect(plain.map(({ promptTokens }) => promptTokens)).toEqual(expected.map(({ promptTokens }) => promptTokens));
    const clear = expected.map(({ smallestMargin, text }) => (smallestMargin > clearMargin ? text : undefined));
    expect(clear.filter((text) => text !== undefined).length).toBeGreaterThanOrEqual(3);
    expect(plain.map(({ text }, i) => (clear[i] === undefined ? undefined : text))).toEqual(clear);
  });

  it('counts the tokens of prompts by the sizes of their pictures', () => {
    expect(plain.map(({ counted }) => counted)).toEqual(plain.map(({ promptTokens }) => promptTokens));
  });

  it('answers by what it sees: another picture, another answer', () => {
    const [wide, otherWide, ...others] = plain.map(({ text }) => text);
    expect(wide).not.toBe(otherWide);
    // Random weights may fall into the same words twice: in llama-server too, then.
    const [, , ...theirs] = expected.map(({ text }) => text);
    expect(new Set(others).size).toBeGreaterThanOrEqual(Math.min(new Set(theirs).size, others.length));
    expect(new Set(theirs).size).toBeGreaterThanOrEqual(others.length - 1);
  });

  it('answers the same with caches, in any order', () => {
    for (const [i, answer] of [...plain, ...plain.toReversed()].entries()) {
      const { smallestMargin = 0 } = [...expected, ...expected.toReversed()][i] ?? {};
      if (smallestMargin > clearMargin) expect(cached[i]).toEqual(answer);
    }
  });

  it.runIf(computedAgain.has(name))('computes the same with caches, but for rounding', async () => {
    const [first, second] = conversationsOfOneBeginning(name);
    const [[plain], [, cached]] = await Promise.all([
      firstLogits(files, { enablePrefixCaching: false, maxVisionCacheEntries: 0 }, [second]),
      firstLogits(files, {}, [first, second]),
    ]);
    expect(plain?.size).toBe(20);
    const differences = [...(plain ?? [])].map(([token, logit]) => Math.abs(logit - (cached?.get(token) ?? NaN)));
    expect(Math.max(...differences.slice(0, 10))).toBeLessThan(roundingOnly);
  });
});
