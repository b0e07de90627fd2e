import { describe, expect, it, onTestFinished } from 'vitest';
import { LoadedLlama } from '../../../backends/node-llama-cpp/loaded-llama.ts';
import type { NativeEvent } from '../../../backends/node-llama-cpp/native-addon.ts';
import type { LoadSettings, SamplingSettings, GenerateRequest } from '../../../src/backend/index.ts';
import { loadShaped } from '../../engine/storm/engine-shape.ts';
import type { EngineShape } from '../../engine/storm/engine-shape.ts';
import { convertFamily } from '../../engine/storm/families.ts';
import { answer, greedy, loadShapes, picture, until, userTurn } from '../../support/shapes-engine.ts';

/** The model knows its texts by heart. */
const free: SamplingSettings = { ...greedy, temperature: 8, seed: 7 };
const { signal } = new AbortController();

async function load(settings: Partial<LoadSettings> = {}): Promise<LoadedLlama> {
  const model = await loadShapes({ threads: 1, maxBatchSize: 4, ...settings });
  onTestFinished(() => model.close());
  if (!(model instanceof LoadedLlama)) throw new Error('not a model of node-llama-cpp');
  return model;
}

interface Finished {
  readonly text: string;
  readonly reason: string;
  readonly usage: { readonly promptTokens: number; readonly cachedTokens: number; readonly completionTokens: number };
}

/** The answers to a request, by index. */
async function answersOf(model: LoadedLlama, request: GenerateRequest): Promise<Finished[]> {
  const texts = Array.from({ length: request.choices }, () => '');
  const finished: Finished[] = [];
  for await (const event of model.generate(request, signal)) {
    if (event.type !== 'text-delta' && event.type !== 'finish') continue;
    const { choice = 0 } = event;
    if (event.type === 'text-delta') texts[choice] += event.text;
    else if (event.type === 'finish')
      finished[choice] = { text: texts[choice] ?? '', reason: event.reason, usage: event.usage };
  }
  return finished;
}

const textsOf = (answers: readonly Finished[]): string[] => answers.map(({ text }) => text);

describe('several answers to a request', () => {
  it('are what requests for one with the seeds that follow one another get', async () => {
    const model = await load({ kvCacheFormat: 'f32' });
    const request = userTurn(['Tell me a story.'], { sampling: free, maxTokens: 12 });
    const answers = await answersOf(model, { ...request, choices: 4 });
    const alone: string[] = [];
    for (let i = 0; i < 4; i++) {
      alone.push((await answer(model, { ...request, sampling: { ...free, seed: 7 + i } })).text);
    }
    expect(textsOf(answers)).toEqual(alone);
    expect(new Set(alone).size).toBe(4);
  });

  it('differ without a seed', async () => {
    const model = await load();
    const request = userTurn(['Tell me a story.'], { sampling: { ...free, seed: undefined }, maxTokens: 30 });
    const texts = textsOf(await answersOf(model, { ...request, choices: 4 }));
    expect(new Set(texts).size).toBe(4);
  });

  it.each([
    ['as many places', {}],
    ['fewer places', { maxBatchSize: 2 }],
    ['a single place', { maxBatchSize: 1 }],
    ['no prefix cache', { maxBatchSize: 2, enablePrefixCaching: false }],
  ] as const)('share one computation of the prompt and its picture (%s)', async (_, settings) => {
    const model = await load(settings);
    const image = await picture('000-0.png');
    const about = 'You will see a picture of some shapes. Look at it with care. '.repeat(8);
    const request = userTurn([about, { type: 'image', image }, 'What number is shown?'], { maxTokens: 20 });
    const answers = await answersOf(model, { ...request, choices: 4 });
    expect(new Set(textsOf(answers)).size).toBe(1);
    const [promptTokens] = answers.map(({ usage }) => usage.promptTokens);
    expect(model.work()?.promptTokens).toBe(promptTokens);
    expect(model.work()?.encodes).toBe(1);
    expect(answers.map(({ usage }) => [usage.promptTokens, usage.cachedTokens])).toEqual(
      Array.from({ length: 4 }, () => [promptTokens, 0]),
    );
  });

  it('end each by itself', async () => {
    const model = await load();
    const request = userTurn(['Tell me a story.'], { sampling: { ...free, seed: 1 }, maxTokens: 60, stop: ['a'] });
    const answers = await answersOf(model, { ...request, choices: 4 });
    expect(answers.every(({ text, reason }) => !text.includes('a') && ['stop', 'length'].includes(reason))).toBe(true);
    expect(new Set(answers.map(({ usage }) => usage.completionTokens)).size).toBeGreaterThan(1);
  });

  it('end all when the request is cancelled, also those that have not begun', async () => {
    const model = await load({ maxBatchSize: 2 });
    const controller = new AbortController();
    const request = userTurn(['Tell me a story.'], { maxTokens: undefined, ignoreEos: true });
    await expect(async () => {
      for await (const event of model.generate({ ...request, choices: 5 }, controller.signal)) {
        if (event.type === 'text-delta' && event.choice === 1) controller.abort();
      }
    }).rejects.toThrow('aborted');
    await until(() => model.stats().sequencesRunning + model.stats().sequencesQueued === 0);
    expect((await answer(model, userTurn(['Who are you?']))).text).not.toBe('');
  });

  it('do not keep another client waiting until all are done', async () => {
    const model = await load({ maxBatchSize: 2 });
    const many = { ...userTurn(['Tell me a story.'], { maxTokens: 60, ignoreEos: true, client: ['a'] }), choices: 8 };
    let finished = 0;
    let before = -1;
    let other: Promise<unknown> | undefined;
    for await (const event of model.generate(many, signal)) {
      if (event.type === 'finish') finished++;
      other ??= answer(model, userTurn(['Hello'], { maxTokens: 1, client: ['b'] })).then(() => (before = finished));
    }
    await other;
    expect(before).toBeLessThanOrEqual(3);
  });
});

describe.each(['lfm2-vl-tiny', 'qwen3.5-tiny', 'qwen2.5-vl-tiny'])(
  'a model that remembers otherwise (%s)',
  (family) => {
    it('computes a prompt once for several answers, wherever they find a place', { timeout: 60_000 }, async () => {
      const converted = await convertFamily(family);
      onTestFinished(() => converted.remove());
      const shape: EngineShape = {
        kvCacheFormat: 'f32',
        flashAttention: 'off',
        maxSequences: 4,
        contextCells: 512,
        separateCells: true,
        maxLength: 512,
        batchTokens: 64,
        threads: 1,
        enablePrefixCaching: true,
        kvCopyBytes: 64e6,
        maxVisionCacheEntries: 0,
      };
      const sampling = { ...greedy, temperature: 1, seed: 7 };
      const request = userTurn(['red blue green '.repeat(40)], { sampling, maxTokens: 10, ignoreEos: true });
      const texts: string[][] = [];
      for (const maxSequences of [4, 2, 1]) {
        const model = await loadShaped(converted.files, { ...shape, maxSequences });
        const answers = await answersOf(model, { ...request, choices: 4 });
        texts.push(textsOf(answers));
        expect(model.work()?.promptTokens).toBe(answers[0]?.usage.promptTokens);
        await model.close();
      }
      expect(new Set(texts[0]).size).toBeGreaterThan(1);
      expect(texts[1]).toEqual(texts[0]);
      expect(texts[2]).toEqual(texts[0]);
    });
  },
);

type Finish = Extract<NativeEvent, { kind: 'finish' }>;

async function forced(
  model: LoadedLlama,
  request: GenerateRequest,
  runs: readonly { readonly after: number; readonly tokens: Int32Array }[],
): Promise<{ readonly text: string; readonly finish: Finish }> {
  let finish: Finish | undefined;
  let text = '';
  for await (const event of model.generateForced(request, signal, runs, (event) => (finish = event))) {
    if (event.type === 'text-delta') text += event.text;
  }
  if (finish === undefined) throw new Error('The answer has no end');
  return { text, finish };
}

describe('tokens that are forced', () => {
  // Learnt by heart: a token of it is never a close call, whatever else is in the batch.
  const story = userTurn(['Tell me a story.'], { maxTokens: 60 });

  async function storyTokens(model: LoadedLlama): Promise<number[]> {
    let tokens: number[] = [];
    const events = model.generateTraced(story, signal, 1, (trace) => (tokens = trace.map(({ token }) => token)));
    while ((await events.next()).done !== true);
    return tokens;
  }

  it.each([
    ['at the beginning', [[0, 10]]],
    ['in the middle', [[5, 25]]],
    [
      'more than once, and one right behind another',
      [
        [2, 7],
        [7, 9],
        [20, 36],
      ],
    ],
    ['until the end', [[50, 60]]],
    ['more than a step holds', [[3, 50]]],
  ] as const)('take no steps of their own (%s)', async (_, ranges) => {
    const model = await load({ maxBatchInputTokens: 64 });
    const tokens = await storyTokens(model);
    const { text } = await answer(model, story);
    const runs = ranges.map(([from, to]) => ({ after: from, tokens: Int32Array.from(tokens.slice(from, to)) }));
    const all = await forced(model, story, runs);
    expect(all.text).toBe(text);
    expect(all.finish.completionTokens).toBe(60);
    const spared = ranges.reduce((sum, [from, to]) => sum + to - from, 0);
    // A step has half of its 64 tokens for more than one of each stream.
    expect(all.finish.decodeSteps).toBeLessThanOrEqual(60 - spared + Math.floor(spared / 31));
  });

  it('change what comes behind them', async () => {
    const model = await load();
    const tokens = await model.inspectTokens(' a red circle', false);
    const { text, finish } = await forced(model, story, [{ after: 3, tokens }]);
    expect(text).toContain(' a red circle');
    expect(finish.decodeSteps).toBeLessThan(60 - tokens.length);
  });
});
