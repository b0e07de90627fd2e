import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LoadedLlama } from '../../../backends/node-llama-cpp/loaded-llama.ts';
import type {
  Bitmap,
  ChosenToken,
  GenerateRequest,
  PromptPart,
  PromptTokenLogProb,
} from '../../../src/backend/index.ts';
import { referenceCases } from '../../support/shapes.ts';
import { answer, loadShapes, picture, userTurn } from '../../support/shapes-engine.ts';

const never = new AbortController().signal;
const marker = '<__image__>';

/** A request that continues a prompt. */
const raw = (prompt: readonly PromptPart[], changes: Partial<GenerateRequest> = {}): GenerateRequest => ({
  ...userTurn([], { maxTokens: 12, ...changes }),
  messages: [],
  prompt,
});

async function read(model: LoadedLlama, request: GenerateRequest) {
  let prompt: readonly PromptTokenLogProb[] = [];
  const tokens: ChosenToken[] = [];
  for await (const event of model.generate(request, never)) {
    if (event.type === 'prefilled') prompt = event.promptLogProbs ?? [];
    if (event.type === 'text-delta') tokens.push(...(event.logProbs ?? []));
  }
  return { prompt, tokens };
}

describe('a prompt that no template writes', () => {
  let model: LoadedLlama;
  let image: Bitmap;
  beforeAll(async () => {
    const loaded = await loadShapes({ maxBatchSize: 2, maxBatchInputTokens: 64 });
    if (!(loaded instanceof LoadedLlama)) throw new Error('not a model of node-llama-cpp');
    model = loaded;
    const [name = ''] = referenceCases.flatMap(({ messages }) =>
      messages.flatMap(({ content }) => content.flatMap((part) => (part.type === 'image' ? [part.image] : []))),
    );
    image = await picture(name);
  });
  afterAll(() => model.close());

  const tokensOf = async (request: GenerateRequest): Promise<number[]> =>
    (await model.inspectRequest(request)).flatMap((run) => (typeof run === 'number' ? [] : [...run]));

  it('continues text and tokens as the same prompt of a conversation', async () => {
    const turn = userTurn(['Tell me a story.'], { maxTokens: 12 });
    const expected = await answer(model, turn);
    const text = await model.renderPrompt(turn, never);
    const tokens = await tokensOf(turn);
    expect(await tokensOf(raw([{ type: 'text', text }]))).toEqual(tokens);
    for (const prompt of [[{ type: 'text', text }], [{ type: 'tokens', tokens }]] as const) {
      const own = await answer(model, raw(prompt));
      expect([own.text, own.promptTokens]).toEqual([expected.text, expected.promptTokens]);
    }
    const halves = [
      { type: 'tokens', tokens: tokens.slice(0, 5) },
      { type: 'tokens', tokens: tokens.slice(5) },
    ] as const;
    expect((await answer(model, raw(halves))).text).toBe(expected.text);
  });

  it('shows images between its texts as a conversation does', async () => {
    const turn = userTurn([{ type: 'image', image }, 'What is this?']);
    const rendered = await model.renderPrompt(turn, never);
    const [before = '', after = ''] = rendered.split(marker);
    const again = [
      { type: 'text', text: before },
      { type: 'image', image },
      { type: 'text', text: after },
    ] as const;
    expect(await model.inspectRequest(raw(again))).toEqual(await model.inspectRequest(turn));
    const [runs, own] = await Promise.all([
      model.inspectRequest(turn),
      model.inspectRequest(
        raw([
          { type: 'text', text: 'a' },
          { type: 'image', image },
          { type: 'text', text: 'b' },
        ]),
      ),
    ]);
    const sizes = (all: typeof runs) => all.filter((run) => typeof run === 'number');
    expect(sizes(own)).toEqual(sizes(runs));
    const { text } = await answer(
      model,
      raw([
        { type: 'image', image },
        { type: 'text', text: 'What is this?' },
      ]),
    );
    const blind = await answer(model, raw([{ type: 'text', text: 'What is this?' }]));
    expect(text).not.toBe(blind.text);
  });

  it('counts without pixels what it generates with', async () => {
    const sizeOnly = { ...image, rgb: new Uint8Array() };
    const content = [{ type: 'image', image: sizeOnly }, 'What is this?'] as const;
    const expected = await answer(model, userTurn([{ type: 'image', image }, 'What is this?'], { maxTokens: 1 }));
    expect(await model.countPrompt(userTurn(content), never)).toBe(expected.promptTokens);
    const words = 'word '.repeat(model.info.contextLength * 6);
    expect(await model.countPrompt(userTurn([words]), never)).toBeGreaterThan(model.info.contextLength * 6);
    const aborted = AbortSignal.abort(new Error('gone'));
    await expect(model.countPrompt(userTurn(content), aborted)).rejects.toThrow('gone');
  });

  it('is refused where it has tokens that the model has not, or none', async () => {
    const unknown = raw([{ type: 'tokens', tokens: [1, 10 ** 6], param: 'prompt[1]' }]);
    await expect(answer(model, unknown)).rejects.toMatchObject({ code: 'invalid_request', param: 'prompt[1]' });
    await expect(model.detokenize([-1])).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('has tokens that give its text back', async () => {
    const text = 'Où est le chat ?  🙂\nthere';
    const plain = await model.tokenize(text, { addSpecial: false, parseSpecial: true });
    expect((await model.detokenize(plain.map(({ id }) => id))).trimStart()).toBe(text);
    expect(
      Buffer.concat(plain.map(({ bytes }) => bytes))
        .toString()
        .trimStart(),
    ).toBe(text);
    const whole = await model.tokenize(text, { addSpecial: true, parseSpecial: true });
    expect(whole.map(({ id }) => id)).toEqual(await tokensOf(raw([{ type: 'text', text }])));
    expect(whole.length).toBeGreaterThan(plain.length);
  });

  it('is told with the log probabilities that the answer had when it was generated', async () => {
    const turn = userTurn(['Tell me a very long story. '.repeat(12)], { maxTokens: 40, ignoreEos: true });
    const { tokens } = await read(model, { ...turn, logProbs: 3 });
    expect(tokens).toHaveLength(40);
    const prompt = [...(await tokensOf(turn)), ...tokens.map(({ id }) => id)];
    const request = raw([{ type: 'tokens', tokens: prompt }], { maxTokens: 1, promptLogProbs: 3, choices: 2 });
    // Two at a time, of the same prompt: nothing may be taken from the cache.
    for (const { prompt: told } of await Promise.all([read(model, request), read(model, request)])) {
      expect(told.map(({ id }) => id)).toEqual(prompt);
      expect(told[0]?.logProb).toBeUndefined();
      expect(told.slice(1).every(({ likeliest }) => likeliest.length === 3)).toBe(true);
      for (const [index, { logProb, bytes }] of told.slice(-40).entries()) {
        expect(Math.abs((logProb ?? NaN) - (tokens[index]?.logProb ?? NaN))).toBeLessThan(0.1);
        expect(bytes.length).toBeGreaterThan(0);
      }
    }
  });
});
