import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { LoadedLlama } from '../../../backends/node-llama-cpp/loaded-llama.ts';
import type { NativeFinish } from '../../../backends/node-llama-cpp/answer-events.ts';
import type { AnswerFormat, GenerateRequest, LoadedModel } from '../../../src/backend/index.ts';
import { answerBySchema, loadTiny, noise, schemaModels } from '../../engine/schemas/schema-run.ts';
import { loadShaped, plainShape } from '../../engine/storm/engine-shape.ts';
import { referenceCases } from '../../support/shapes.ts';
import { answer, greedy, loadShapes, referenceRequest, shapesFiles, userTurn } from '../../support/shapes-engine.ts';

const shape = {
  type: 'object',
  properties: {
    shapes: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          shape: { enum: ['circle', 'square', 'triangle', 'star'] },
          colour: { enum: ['red', 'green', 'blue', 'yellow', 'purple'] },
          description_of_the_position_in_the_picture: { enum: ['left', 'right'] },
        },
        required: ['shape', 'colour', 'description_of_the_position_in_the_picture'],
        additionalProperties: false,
      },
      minItems: 1,
      maxItems: 3,
    },
  },
  required: ['shapes'],
  additionalProperties: false,
};
const byShape: AnswerFormat = { type: 'json-schema', schema: shape, param: 'schema' };
const question = 'What is it?';

describe('an answer that is held to a format', () => {
  let model: LoadedModel;
  beforeAll(async () => {
    model = await loadShapes({ maxBatchSize: 16 });
  });
  afterAll(() => model.close());

  it.each<[string, AnswerFormat, RegExp]>([
    ['any object', { type: 'json-object' }, /^\{.*\}$/s],
    ['a choice', { type: 'choice', choices: ['rot', 'röter', 'grün'] }, /^(rot|röter|grün)$/],
    ['a regular expression', { type: 'regex', pattern: '\\d{4}-\\d{2}' }, /^\d{4}-\d{2}$/],
    ['a grammar', { type: 'gbnf', grammar: 'root ::= "yes" | "no" " thanks"?' }, /^(yes|no( thanks)?)$/],
  ])('%s', async (_, format, expected) => {
    for (const temperature of [0, 2]) {
      const request = userTurn([question], { format, sampling: { ...greedy, temperature, seed: 5 }, maxTokens: 400 });
      const { text, finish } = await answer(model, request);
      expect(text).toMatch(expected);
      expect(finish.reason).toBe('stop');
    }
  });

  it('tells what it sees in a picture', async () => {
    const [case0] = referenceCases.filter(({ messages }) => JSON.stringify(messages).includes('000-0.png'));
    if (case0 === undefined) throw new Error('no reference case');
    const request = await referenceRequest(case0, { format: byShape });
    const { text, finish } = await answer(model, request);
    expect(finish.reason).toBe('stop');
    expect(JSON.parse(text)).toMatchObject({
      shapes: expect.arrayContaining([expect.objectContaining({ colour: expect.any(String) as string })]) as unknown,
    });
  });

  it('says that it was cut, and is the beginning of the whole one', async () => {
    const { text: whole, finish } = await answer(model, userTurn([question], { format: byShape }));
    const { completionTokens } = finish.usage;
    for (const maxTokens of [1, 7, completionTokens - 1]) {
      const cut = await answer(model, userTurn([question], { format: byShape, maxTokens }));
      expect(cut.finish).toMatchObject({ reason: 'length', usage: { completionTokens: maxTokens } });
      expect(whole.startsWith(cut.text)).toBe(true);
    }
    const all = await answer(model, userTurn([question], { format: byShape, maxTokens: completionTokens }));
    expect(all).toMatchObject({ text: whole, finish: { reason: 'stop' } });
  });

  it.each([
    ['{"shapes": [{"shape": "st', '{"shapes": [{"shape": "st'],
    ['{', '{'],
    ['Here it is:', ''],
  ])('goes on with %j, of which %j is a part of it', async (text, begun) => {
    const request = userTurn([question], { format: byShape });
    const message = { role: 'assistant', content: [{ type: 'text', text }] } as const;
    const template = { ...request.template, addGenerationPrompt: false, continueFinalMessage: true };
    const messages = [...request.messages, message];
    const { text: rest, finish } = await answer(model, { ...request, messages, template });
    expect(finish.reason).toBe('stop');
    const shapes = expect.arrayContaining([
      expect.objectContaining({ shape: expect.any(String) as string }),
    ]) as unknown;
    expect(JSON.parse(begun + rest)).toMatchObject({ shapes });
  });

  it('is forced no further than it may be long, and in pieces', async () => {
    const long = 'a green circle, '.repeat(150);
    const format: AnswerFormat = { type: 'choice', choices: [long] };
    const forced = (): number => model.work?.()?.forcedTokens ?? NaN;
    const before = forced();
    const cut = await answer(model, userTurn([question], { format, maxTokens: 3 }));
    expect(cut.finish).toMatchObject({ reason: 'length', usage: { completionTokens: 3 } });
    expect(forced() - before).toBeLessThanOrEqual(3);
    const whole = await answer(model, userTurn([question], { format, maxTokens: 1500 }));
    expect(whole).toMatchObject({ text: long, finish: { reason: 'stop' } });
  });

  it('ends at a stop string, and goes on past the end of a turn only as far as its format does', async () => {
    const stopped = await answer(model, userTurn([question], { format: byShape, stop: ['"colour"'] }));
    expect(stopped.finish.reason).toBe('stop');
    expect(stopped.text).toMatch(/", $/);
    const { text, finish } = await answer(model, userTurn([question], { format: byShape, ignoreEos: true }));
    expect(finish.reason).toBe('stop');
    expect(() => JSON.parse(text) as unknown).not.toThrow();
  });

  it('goes before min_tokens, which holds where the format leaves a choice', async () => {
    const long = userTurn([question], { format: { type: 'regex', pattern: '[ab]{1,90}' }, minTokens: 30 });
    expect((await answer(model, long)).finish.usage.completionTokens).toBeGreaterThanOrEqual(30);
    const short = await answer(
      model,
      userTurn([question], { format: { type: 'choice', choices: ['no'] }, minTokens: 30 }),
    );
    expect(short).toMatchObject({ text: 'no', finish: { reason: 'stop' } });
  });

  it('repeats what it has to, whatever no_repeat_ngram_size says', async () => {
    const sampling = { ...greedy, noRepeatNgramSize: 1, samplers: [...greedy.samplers, 'noRepeatNgram'] as const };
    const format: AnswerFormat = { type: 'regex', pattern: '[ab]{60}' };
    const { text, finish } = await answer(model, userTurn([question], { format, sampling }));
    expect(text).toMatch(/^[ab]{60}$/);
    expect(finish.reason).toBe('stop');
  });

  it('is what it is alone when many with other formats run', async () => {
    const requests = Array.from({ length: 16 }, (_, i) =>
      userTurn([question], {
        format:
          i % 2 === 0
            ? { type: 'regex', pattern: `${'abcdefgh'.charAt(i / 2)}: [a-z]{3,${i + 4}}\\.` }
            : {
                type: 'json-schema',
                schema: {
                  ...shape,
                  properties: { ...shape.properties, [`n${i}`]: { type: 'integer', minimum: i, maximum: 10 * i } },
                  required: ['shapes', `n${i}`],
                },
              },
        sampling: { ...greedy, temperature: 1, seed: i },
      }),
    );
    const together = await Promise.all(requests.map((request) => answer(model, request)));
    for (const [i, request] of requests.entries()) {
      expect(together[i]?.text).toBe((await answer(model, request)).text);
    }
  });

  it('is refused with the place of what cannot be kept', async () => {
    const schema = { type: 'object', properties: { ages: { type: 'array', uniqueItems: true } } };
    await expect(
      answer(
        model,
        userTurn([question], { format: { type: 'json-schema', schema, param: 'response_format.json_schema.schema' } }),
      ),
    ).rejects.toMatchObject({
      code: 'invalid_request',
      param: 'response_format.json_schema.schema.properties.ages.uniqueItems',
    });
    await expect(
      answer(
        model,
        userTurn([question], { format: { type: 'gbnf', grammar: 'root ::= item\nitem ::= [b', param: 'grammar' } }),
      ),
    ).rejects.toMatchObject({
      code: 'invalid_request',
      param: 'grammar',
      message: expect.stringMatching(/line 2/) as string,
    });
  });
});

const { signal } = new AbortController();

async function finishOf(model: LoadedLlama, request: GenerateRequest): Promise<NativeFinish> {
  const finishes: NativeFinish[] = [];
  const events = model.generateForced(request, signal, [], (finish) => finishes.push(finish));
  while ((await events.next()).done !== true);
  const [finish] = finishes;
  if (finish === undefined) throw new Error('The generation ended without a finish event');
  return finish;
}

it('what a format forces takes no steps of its own, and its tokens are those of the tokenizer', async () => {
  const model = await loadShapes({ maxBatchSize: 1 });
  onTestFinished(() => model.close());
  if (!(model instanceof LoadedLlama)) throw new Error('not a model of node-llama-cpp');
  const request = userTurn([question], { format: byShape });
  const { text } = await answer(model, request);
  const { completionTokens, decodeSteps } = await finishOf(model, request);
  expect(completionTokens).toBeGreaterThan(2 * decodeSteps);
  const written = await model.inspectTokens(text, false);
  expect(Math.abs(completionTokens - written.length)).toBeLessThan(0.1 * written.length);
});

it('an answer that has to be computed again goes on where it was', async () => {
  const shape = {
    ...plainShape(128, { kvCacheFormat: 'f32', flashAttention: 'off', rounding: 0 }),
    maxSequences: 4,
    separateCells: false,
    contextCells: 140,
  };
  const model = await loadShaped(shapesFiles(), shape);
  onTestFinished(() => model.close());
  const requests = Array.from({ length: 4 }, (_, seed) =>
    userTurn([question], { format: byShape, sampling: { ...greedy, temperature: 1, seed } }),
  );
  const texts = await Promise.all(requests.map(async (request) => (await answer(model, request)).text));
  expect(model.work()?.preemptions).toBeGreaterThan(0);
  for (const [i, request] of requests.entries()) expect(texts[i]).toBe((await answer(model, request)).text);
});

it.each(schemaModels)('%s, which says anything, keeps to schemas', async (name) => {
  const { model, sees, dispose } = await loadTiny(name, 4);
  onTestFinished(() => dispose());
  const seeds = Array.from({ length: 10 }, (_, i) => i + 1);
  const answers = await Promise.all(
    seeds.map((seed) =>
      answerBySchema(model, seed, seed % 2 === 0 ? 0 : 1, sees && seed % 3 === 0 ? noise : undefined),
    ),
  );
  expect(answers.flatMap(({ fault }) => fault ?? [])).toEqual([]);
  const cut = await answerBySchema(model, 3, 0, undefined, 2);
  expect(cut.reason).toBe('length');
});

it('begins no character that it could not end', async () => {
  const { model, dispose } = await loadTiny('tekken-tiny', 1);
  onTestFinished(() => dispose());
  // The bytes stand behind 25 control tokens. ED A0 would begin half of a surrogate pair.
  const logitBias = [0xed, 0xa0].map((byte) => ({ token: 25 + byte, bias: 1000 }));
  const format: AnswerFormat = { type: 'regex', pattern: '[^a]{3}' };
  const { text, finish } = await answer(model, userTurn([question], { format, sampling: { ...greedy, logitBias } }));
  expect(text).toMatch(/^[\uD000-\uD7FF]{3}$/);
  expect(finish.reason).toBe('stop');
});
