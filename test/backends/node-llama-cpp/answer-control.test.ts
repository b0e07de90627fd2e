import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type {
  ChosenToken,
  GenerateRequest,
  GenerationEvent,
  LoadedModel,
  SamplingSettings,
} from '../../../src/backend/index.ts';
import { referenceCase, referenceCases, referenceDir } from '../../support/shapes.ts';
import { answer, loadShapes, picture, referenceRequest, userTurn } from '../../support/shapes-engine.ts';

/** What transformers gives the tokens of its own answers, by test/reference/log-probs.py. */
const expectedLogProbs = JSON.parse(readFileSync(join(referenceDir, 'log-probs.json'), 'utf8')) as readonly {
  readonly id: string;
  readonly tokens: readonly (readonly [id: number, logProb: number])[];
  readonly likeliest: readonly (readonly (readonly [id: number, logProb: number])[])[];
}[];
/** The checkpoint is in bfloat16, and the KV cache in half precision. */
const tolerance = 0.1;

const story = 'Tell me a story.';

interface Whole {
  readonly events: readonly GenerationEvent[];
  readonly deltas: readonly Extract<GenerationEvent, { type: 'text-delta' }>[];
  readonly text: string;
  readonly tokens: readonly ChosenToken[];
  readonly finish: Extract<GenerationEvent, { type: 'finish' }>;
}

const about = (id: string, changes: Partial<GenerateRequest>) => referenceRequest(referenceCase(id), changes);
const sampled = (changes: Partial<SamplingSettings>) => ({ ...userTurn([]).sampling, ...changes });
const stopAt = (minPatternTokens: number, minCount: number) => ({ minPatternTokens, maxPatternTokens: 4, minCount });

describe('an answer', () => {
  let model: LoadedModel;
  beforeAll(async () => {
    model = await loadShapes({ maxBatchSize: 2, maxBatchInputTokens: 64 });
  });
  afterAll(() => model.close());

  async function whole(request: GenerateRequest): Promise<Whole> {
    const events: GenerationEvent[] = [];
    for await (const event of model.generate(request, new AbortController().signal)) events.push(event);
    const deltas = events.filter((event) => event.type === 'text-delta');
    const finish = events.at(-1);
    if (finish?.type !== 'finish') throw new Error('The answer has no end');
    const text = deltas.map((delta) => delta.text).join('');
    return { events, deltas, text, finish, tokens: deltas.flatMap(({ logProbs = [] }) => logProbs) };
  }

  it('is told with the log probabilities that transformers computes', async () => {
    expect(expectedLogProbs).toHaveLength(20);
    for (const { id, tokens, likeliest } of expectedLogProbs) {
      const own = await whole(await about(id, { logProbs: 5 }));
      // The last is the end of the turn, which is no part of the answer.
      const shown = tokens.slice(0, -1);
      expect(own.tokens.map((token) => token.id)).toEqual(shown.map(([token]) => token));
      for (const [i, token] of own.tokens.entries()) {
        const known = new Map(likeliest[i]);
        expect(Math.abs(token.logProb - (shown[i]?.[1] ?? NaN)), `${id}, token ${i}`).toBeLessThan(tolerance);
        expect(token.likeliest[0]).toMatchObject({ id: token.id, logProb: token.logProb });
        const likely = token.likeliest.filter(({ id: each, logProb }) => known.has(each) && logProb > -8);
        for (const { id: each, logProb } of likely)
          expect(Math.abs(logProb - (known.get(each) ?? NaN)), `${id}, beside token ${i}`).toBeLessThan(tolerance * 2);
      }
    }
  });

  it('has the log probabilities of the bare logits, whatever chooses the tokens', async () => {
    const plain = await whole(userTurn([story], { maxTokens: 1, logProbs: 3 }));
    const [first] = plain.tokens;
    const banned = sampled({ temperature: 2, seed: 1, logitBias: [{ token: first?.id ?? -1, bias: -Infinity }] });
    const other = await whole(userTurn([story], { maxTokens: 1, logProbs: 3, sampling: banned }));
    expect(other.tokens[0]?.id).not.toBe(first?.id);
    expect(other.tokens[0]?.likeliest.map(({ id }) => id)).toEqual(first?.likeliest.map(({ id }) => id));
    expect(other.tokens[0]?.logProb).toBeLessThan(first?.logProb ?? 0);
    expect(plain.events.some((event) => event.type === 'text-delta' && event.logProbs === undefined)).toBe(false);
  });

  it.each([
    { stop: [], why: 'its end' },
    { stop: ['ite on'], why: 'a stop string across tokens' },
    { stop: ['gray bank', 'zzz'], why: 'text that was held back' },
    { stop: ['8 in'], why: 'a stop string that is to be included', includeStop: true },
  ])('is told token by token, none lost and none twice, to $why', async ({ stop, includeStop = false }) => {
    const { deltas, text, tokens } = await whole(await about('000', { stop, includeStop, logProbs: 0 }));
    const joined = tokens.map((token) => token.text).join('');
    // The token in which a stop string begins may have text of both.
    expect(joined.startsWith(text)).toBe(true);
    expect(joined.length - text.length).toBeLessThan(tokens.at(-1)?.text.length ?? 0);
    expect(tokens.every((token) => token.likeliest.length === 0)).toBe(true);
    let read = '';
    let shown = '';
    for (const delta of deltas) {
      shown += delta.text;
      read += (delta.logProbs ?? []).map((token) => token.text).join('');
      expect(read.startsWith(shown)).toBe(true);
    }
  });

  it('has the exact bytes of characters that several tokens make', async () => {
    const all = await whole(userTurn([story], { maxTokens: 1, logProbs: 100_000 }));
    const vocabulary = all.tokens[0]?.likeliest ?? [];
    const bytes = [0xe2, 0x82, 0xac];
    const ofByte = (byte: number) => vocabulary.find((token) => token.bytes.length === 1 && token.bytes[0] === byte);
    const wanted = bytes.map((byte) => ofByte(byte)?.id ?? -1);
    expect(wanted).not.toContain(-1);
    const biases = wanted.map((token, place) => ({ token, bias: 3000 - 1000 * place }));
    const sampling = sampled({ noRepeatNgramSize: 1, logitBias: biases });
    const { text, tokens } = await whole(userTurn([story], { maxTokens: 3, logProbs: 0, sampling }));
    expect(text).toBe('€');
    expect(tokens.flatMap((token) => token.bytes)).toEqual(bytes);
    expect(tokens.map((token) => token.text)).toEqual(['\uFFFD', '\uFFFD', '\uFFFD']);
  });

  it('is at least as long as it is told to be, whatever would end it', async () => {
    const short = await whole(await about('000', {}));
    const minTokens = short.finish.usage.completionTokens + 20;
    const [full = -1] = await stopsOf(' a');
    for (const ending of [{}, { stop: ['a'] }, { stopTokens: [full] }, { repetitionStop: repeated }]) {
      const long = await whole(await about('000', { minTokens, ...ending }));
      expect(long.finish.usage.completionTokens).toBeGreaterThan(minTokens);
    }
    const most = await whole(await about('000', { minTokens, maxTokens: 3 }));
    expect(most.finish).toMatchObject({ reason: 'length', usage: { completionTokens: 3 } });
  });
  const repeated = { minPatternTokens: 1, maxPatternTokens: 4, minCount: 2 };
  const stopsOf = async (word: string): Promise<number[]> => {
    const { tokens } = await whole(await about('000', { logProbs: 0 }));
    return tokens.filter((token) => token.text === word).map((token) => token.id);
  };

  it('ends at a token that the request names, and says by what', async () => {
    const [token = -1] = await stopsOf(' white');
    const plain = await whole(await about('000', {}));
    const before = plain.text.slice(0, plain.text.indexOf(' white'));
    const stopped = await whole(await about('000', { stopTokens: [token, 999_999] }));
    expect(stopped).toMatchObject({ text: before, finish: { reason: 'stop', stoppedBy: token } });
    const included = await whole(await about('000', { stopTokens: [token], includeStop: true }));
    expect(included.text).toBe(`${before} white`);
    const byText = await whole(await about('000', { stop: ['zzz', ' white'], includeStop: true }));
    expect(byText).toMatchObject({ text: `${before} white`, finish: { reason: 'stop', stoppedBy: ' white' } });
    expect(plain.finish.stoppedBy).toBeUndefined();
  });

  it('shows the token that ends its turn where that and control tokens are asked for', async () => {
    const plain = await whole(await about('000', {}));
    const shown = await whole(await about('000', { includeStop: true, skipSpecialTokens: false }));
    expect(shown.text).toMatch(/<\S+>$/);
    expect(shown.text.startsWith(plain.text)).toBe(true);
    expect((await whole(await about('000', { includeStop: true }))).text).toBe(plain.text);
  });

  it('ends when it repeats itself, and only where that was asked for', async () => {
    const [id = -1] = (await whole(userTurn([story], { maxTokens: 1, logProbs: 0 }))).tokens.map((token) => token.id);
    const stuck = { maxTokens: 30, ignoreEos: true, sampling: sampled({ logitBias: [{ token: id, bias: 1000 }] }) };
    const ended = async (repetitionStop: GenerateRequest['repetitionStop']) =>
      (await whole(userTurn([story], { ...stuck, repetitionStop }))).finish;
    expect(await ended(undefined)).toMatchObject({ reason: 'length', usage: { completionTokens: 30 } });
    expect(await ended(stopAt(1, 5))).toMatchObject({ reason: 'repetition', usage: { completionTokens: 5 } });
    expect(await ended(stopAt(3, 4))).toMatchObject({ reason: 'repetition', usage: { completionTokens: 12 } });
    const plain = await whole(await about('000', { repetitionStop: stopAt(1, 3) }));
    expect(plain.finish.reason).toBe('stop');
  });

  it('refuses a bias of a token that the model does not have, and of all that it has', async () => {
    const biased = (logitBias: SamplingSettings['logitBias']) =>
      answer(model, userTurn([story], { sampling: sampled({ logitBias }) }));
    const message: unknown = expect.stringMatching(/token 1000000\b/);
    const refused = { code: 'invalid_request', message, param: 'logit_bias.1000000' };
    await expect(biased([{ token: 1_000_000, bias: 1 }])).rejects.toMatchObject(refused);
    const { tokens } = await whole(userTurn([story], { maxTokens: 1, logProbs: 100_000 }));
    const all = (tokens[0]?.likeliest ?? []).map(({ id }) => ({ token: id, bias: -Infinity }));
    await expect(biased(all)).rejects.toMatchObject({ code: 'invalid_request' });
    expect((await answer(model, userTurn(['Hello']))).text).not.toBe('');
  });

  it('is announced: how far the prompt is, batch by batch, then that it is computed', async () => {
    const image = await picture('000-0.png');
    const salt = { cacheSalt: 'progress', maxTokens: 2, reportProgress: true };
    const words = 'A long question with many words. '.repeat(20);
    const cold = await whole(userTurn([words, { type: 'image', image }, words], salt));
    const kinds = cold.events.map(({ type }) => type);
    expect(kinds.filter((kind) => kind === 'prefilled')).toHaveLength(1);
    expect(kinds.indexOf('prefilled')).toBe(kinds.lastIndexOf('progress') + 1);
    expect(kinds.indexOf('text-delta')).toBeGreaterThan(kinds.indexOf('prefilled'));
    const progress = cold.events.filter((event) => event.type === 'progress');
    const total = cold.finish.usage.promptTokens;
    const done = progress.map(({ doneTokens }) => doneTokens);
    expect(done[0]).toBe(0);
    expect(done.at(-1)).toBe(total);
    expect(done).toEqual([...new Set(done)].toSorted((a, b) => a - b));
    expect(done.length).toBeGreaterThan(total / 64);
    expect(progress.every((event) => event.promptTokens === total && event.cachedTokens === 0)).toBe(true);
    const warm = await whole(userTurn([words, { type: 'image', image }, words], salt));
    const [first, ...rest] = warm.events.filter((event) => event.type === 'progress');
    const { cachedTokens } = warm.finish.usage;
    expect(cachedTokens).toBeGreaterThan(0);
    expect(first).toMatchObject({ doneTokens: cachedTokens, cachedTokens });
    expect(rest.at(-1)?.doneTokens).toBe(total);
    expect(warm.events.find(({ type }) => type === 'prefilled')).toMatchObject({ cachedTokens });
  });
});

it('the recorded cases are among those with pictures', () => {
  expect(referenceCases.map(({ id }) => id)).toEqual(expect.arrayContaining(expectedLogProbs.map(({ id }) => id)));
});
