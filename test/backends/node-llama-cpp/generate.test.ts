import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { usableCpus } from '../../../backends/node-llama-cpp/cpu-limit.ts';
import { LoadedLlama } from '../../../backends/node-llama-cpp/loaded-llama.ts';
import type { GenerateRequest, LoadedModel, SamplingSettings } from '../../../src/backend/index.ts';
import { referenceCase, referenceCases } from '../../support/shapes.ts';
import {
  answer,
  devices,
  loadShapes,
  picture,
  referenceRequest,
  until,
  userTurn,
} from '../../support/shapes-engine.ts';

const story = 'Tell me a story.';

interface Effect<T> {
  /** What is different from a greedy answer either way. */
  readonly base: Partial<SamplingSettings>;
  readonly value: T;
}

const drawn = { temperature: 1.5, seed: 1 };
/** The model is so sure of its stories that a penalty changes none of them. */
const wild = { temperature: 2, seed: 2 };
const wilder = { temperature: 6, seed: 2 };

/** A value of each setting that changes the answer. */
const effects: { readonly [Name in keyof SamplingSettings]: Effect<SamplingSettings[Name]> } = {
  temperature: { base: { seed: 1 }, value: 1.5 },
  temperatureRange: { base: drawn, value: 1.4 },
  temperatureExponent: { base: { ...wilder, temperatureRange: 6 }, value: 0.01 },
  topP: { base: drawn, value: 0.3 },
  topK: { base: drawn, value: 2 },
  minP: { base: drawn, value: 0.5 },
  typicalP: { base: wild, value: 0.1 },
  topNSigma: { base: wild, value: 0.1 },
  minKeep: { base: { ...wilder, topP: 0 }, value: 50 },
  xtcProbability: { base: drawn, value: 1 },
  xtcThreshold: { base: { ...wilder, xtcProbability: 1 }, value: 0.001 },
  adaptiveTarget: { base: drawn, value: 0.1 },
  adaptiveDecay: { base: { ...drawn, adaptiveTarget: 0.3 }, value: 0 },
  mirostat: { base: wild, value: 2 },
  mirostatTau: { base: { ...wilder, mirostat: 2 }, value: 1 },
  mirostatEta: { base: { ...wilder, mirostat: 2, mirostatTau: 2 }, value: 1 },
  seed: { base: drawn, value: 2 },
  frequencyPenalty: { base: wild, value: 2 },
  presencePenalty: { base: wild, value: 2 },
  repetitionPenalty: { base: {}, value: 3 },
  penaltyWindow: { base: { repetitionPenalty: 3 }, value: 2 },
  noRepeatNgramSize: { base: {}, value: 1 },
  noRepeatNgramWindow: { base: { noRepeatNgramSize: 1 }, value: 2 },
  noRepeatNgramPrompt: { base: { noRepeatNgramSize: 1 }, value: true },
  noRepeatNgramAllowed: { base: { noRepeatNgramSize: 1 }, value: Array.from({ length: 1000 }, (_, token) => token) },
  dryMultiplier: { base: { dryAllowedLength: 0 }, value: 100 },
  dryBase: { base: { dryMultiplier: 0.1, dryAllowedLength: 0 }, value: 1000 },
  dryAllowedLength: { base: { dryMultiplier: 100 }, value: 0 },
  dryWindow: { base: { dryMultiplier: 100, dryAllowedLength: 0 }, value: 2 },
  dryBreakers: { base: { dryMultiplier: 100, dryAllowedLength: 0 }, value: [' ', 'a', 'e', 'i', 'o'] },
  logitBias: { base: {}, value: Array.from({ length: 400 }, (_, token) => ({ token, bias: -Infinity })) },
  samplers: { base: { ...drawn, topK: 1 }, value: ['temperature'] },
};

describe.runIf(usableCpus() > 1)('a model that is told to leave a CPU', () => {
  it('computes its streams with a thread less, and answers the same', async () => {
    const model = await loadShapes({ maxBatchSize: 1, threads: usableCpus(), enablePrefixCaching: false });
    onTestFinished(() => model.close());
    if (!(model instanceof LoadedLlama)) throw new Error('not a model of node-llama-cpp');
    const request = userTurn([story], { maxTokens: 300, ignoreEos: true });
    const { text: undisturbed } = await answer(model, request);
    const seen: number[] = [];
    let text = '';
    for await (const event of model.generate(request, new AbortController().signal)) {
      if (event.type === 'text-delta' || event.type === 'finish') {
        if (seen.at(-1) !== model.stepThreads) seen.push(model.stepThreads);
        model.leaveCpus(seen.length % 2);
      }
      if (event.type === 'text-delta') text += event.text;
    }
    expect(seen.slice(0, 4)).toEqual([usableCpus(), usableCpus() - 1, usableCpus(), usableCpus() - 1]);
    expect(text).toBe(undisturbed);
  });
});

describe('a loaded model', () => {
  let model: LoadedModel;
  beforeAll(async () => {
    model = await loadShapes({ maxBatchSize: 3 });
  });
  afterAll(() => model.close());

  it('says what it is', () => {
    expect(model.info).toMatchObject({
      capabilities: { vision: true },
      contextLength: 2048,
      maxBatchSize: 3,
      device: devices === 'cpu' ? 'cpu' : expect.not.stringMatching(/^cpu$/),
    });
    expect(model.info.samplingDefaults.topK).toBe(40);
    expect(model.info.samplingDefaults.temperature).toBeCloseTo(0.7);
  });

  it('answers as transformers does, with the same number of tokens', async () => {
    for (const reference of referenceCases.filter(({ messages }) => !JSON.stringify(messages).includes('.bmp'))) {
      const { text, promptTokens, finish } = await answer(model, await referenceRequest(reference));
      expect({ id: reference.id, text }).toEqual({ id: reference.id, text: reference.expected });
      expect(promptTokens).toBe(reference.prompt_tokens);
      expect(finish.usage.completionTokens).toBe(reference.completion_tokens);
      expect(finish.reason).toBe('stop');
    }
  });

  it('gives several requests at once the answers it gives them one after another', async () => {
    const requests = await Promise.all(
      ['000', '001', '014', '021', '025', '054'].map((id) => referenceRequest(referenceCase(id))),
    );
    const alone: string[] = [];
    for (const request of requests) alone.push((await answer(model, request)).text);
    const together = await Promise.all(requests.map((request) => answer(model, request)));
    expect(together.map(({ text }) => text)).toEqual(alone);
  });

  it('stretches a picture to the square, as the processor does', async () => {
    const { image } = await tallPicture();
    const { text } = await answer(model, userTurn([{ type: 'image', image }, 'What number is shown?']));
    expect(text).toContain('8');
  });

  it('ends at max_tokens with "length"', async () => {
    const { finish, text } = await answer(model, userTurn([story], { maxTokens: 5 }));
    expect(finish).toMatchObject({ reason: 'length', usage: { completionTokens: 5 } });
    expect(text.length).toBeGreaterThan(0);
  });

  it('ends at the end of the context with "length"', async () => {
    const { finish, promptTokens } = await answer(model, userTurn([story], { maxTokens: undefined, ignoreEos: true }));
    expect(finish.reason).toBe('length');
    expect(promptTokens + finish.usage.completionTokens).toBe(model.info.contextLength);
  });

  it.each([
    { stop: ['gray'], text: 'The number 8 in white on a ', why: 'a word' },
    { stop: ['ite on'], text: 'The number 8 in wh', why: 'a string across tokens' },
    { stop: ['zzz', 'on a', '8 in'], text: 'The number ', why: 'the earliest of several' },
    {
      stop: ['gray bank'],
      text: 'The number 8 in white on a gray background.',
      why: 'a string that is never completed',
    },
  ])('stops before $why', async ({ stop, text }) => {
    const result = await answer(model, await referenceRequest(referenceCase('000'), { stop }));
    expect(result.text).toBe(text);
    expect(result.finish.reason).toBe('stop');
  });

  it('draws the same answer from the same seed, and others from others', async () => {
    expect(await draw(model, 0)).toBe(await draw(model, 0));
    const others = [await draw(model, 0), await draw(model, 1), await draw(model, 2), await draw(model, 3)];
    expect(new Set(others).size).toBeGreaterThan(1);
  });

  it('gives every seed its own answer again, the odd ones too', async () => {
    for (const seed of [-1, 2 ** 32 - 1, 2 ** 32, -(2 ** 40)])
      expect(await draw(model, seed)).toBe(await draw(model, seed));
    expect(await draw(model, 2 ** 32)).not.toBe(await draw(model, 0));
  });

  it('does not wrap numbers that are too large for it', async () => {
    const request = userTurn(['Hello'], { maxTokens: 2 ** 32 + 1 });
    expect((await answer(model, request)).finish.reason).toBe('stop');
    const sampling = { ...request.sampling, temperature: 2, seed: 1 };
    const draws = async (topK: number): Promise<string> =>
      (await answer(model, { ...request, sampling: { ...sampling, topK }, cacheSalt: randomUUID() })).text;
    expect(await draws(2 ** 32 + 1)).not.toBe(await draws(1));
    expect(await draws(2 ** 32 + 1)).toBe(await draws(2 ** 31 - 1));
    const cold = await answer(model, { ...request, sampling: { ...sampling, temperature: 1e-40 } });
    expect(cold.text).toBe((await answer(model, request)).text);
  });

  it.each(Object.entries(effects))('answers otherwise because of %s', async (name, { base, value }) => {
    const request = userTurn([story], { maxTokens: 40 });
    const answerWith = async (sampling: Partial<SamplingSettings>): Promise<string> => {
      const changed = { ...request, sampling: { ...request.sampling, ...sampling }, cacheSalt: randomUUID() };
      return (await answer(model, changed)).text;
    };
    expect(await answerWith({ ...base, [name]: value })).not.toBe(await answerWith(base));
  });

  it.each([{ topP: 0 }, { topK: 1 }, { minP: 1 }])('draws only the likeliest with %o', async (narrow) => {
    const request = userTurn([story], { maxTokens: 40 });
    const sampling = { ...request.sampling, temperature: 1.5, seed: 1, ...narrow };
    expect((await answer(model, { ...request, sampling })).text).toBe((await answer(model, request)).text);
  });

  it('does not repeat itself under a strong repetition penalty', async () => {
    const request = userTurn([story], { maxTokens: 120 });
    const plain = await answer(model, request);
    const penalized = await answer(model, { ...request, sampling: { ...request.sampling, repetitionPenalty: 3 } });
    expect(shareOfDistinctWords(penalized.text)).toBeGreaterThan(shareOfDistinctWords(plain.text));
  });

  it('keeps control tokens in text as text', async () => {
    const plain = await answer(model, userTurn(['Hello'], { maxTokens: 1 }));
    for (const forged of ['<end_of_turn>', '<start_of_image>', '<bos>', '<__media__>']) {
      const { promptTokens } = await answer(model, userTurn([`Hello${forged}`], { maxTokens: 1 }));
      // As a control token it would add one; as text it is spelled out.
      expect(promptTokens, forged).toBeGreaterThan(plain.promptTokens + 1);
    }
  });

  it('shows control tokens where asked to, but not the one that ends the turn', async () => {
    const request = userTurn([story], { maxTokens: 300, skipSpecialTokens: false });
    const shown = await answer(model, request);
    expect(shown.finish.reason).toBe('stop');
    expect(shown.text).toBe((await answer(model, { ...request, skipSpecialTokens: true })).text);
  });

  it('goes on in the last message, and ends a prompt without a turn of its own', async () => {
    const request = userTurn(['What do you see?'], { maxTokens: 20, cacheSalt: randomUUID() });
    const whole = await answer(model, request);
    const begun = whole.text.slice(0, whole.text.indexOf(' ', 8));
    const messages = [
      ...request.messages,
      { role: 'assistant' as const, content: [{ type: 'text' as const, text: begun }] },
    ];
    const template = { variables: {}, addGenerationPrompt: false, continueFinalMessage: true };
    const continued = await answer(model, { ...request, messages, template });
    expect(begun + continued.text).toContain(whole.text);
    const closed = await answer(model, { ...request, template: { ...template, continueFinalMessage: false } });
    expect(closed.promptTokens).toBeLessThan(whole.promptTokens);
  });

  it('sees the image, and only that, where text forges an image', async () => {
    const image = await picture('000-0.png');
    const { text } = await answer(
      model,
      userTurn([{ type: 'image', image }, 'What is shown here?<start_of_image><end_of_image>'], { maxTokens: 40 }),
    );
    expect(text.length).toBeGreaterThan(0);
  });

  it('refuses a prompt that does not fit, with both numbers', async () => {
    await expect(answer(model, userTurn(['word '.repeat(3000)]))).rejects.toMatchObject({
      name: 'VserveError',
      code: 'context_length_exceeded',
      message: expect.stringMatching(
        /^This model's maximum context length is 2048 tokens, .* the prompt has \d{4,}\./,
      ) as unknown,
    });
  });

  it('refuses a text that cannot fit without looking at all of it', async () => {
    // The vocabulary does not have the character.
    await expect(answer(model, userTurn(['\\'.repeat(5_000_000)]))).rejects.toMatchObject({
      name: 'VserveError',
      code: 'context_length_exceeded',
      message: expect.stringMatching(
        /^This model's maximum context length is 2048 tokens, .* the prompt has more than 2048\./,
      ) as unknown,
    });
  });

  it("passes on the chat template's own refusal", async () => {
    const request = userTurn(['Hello']);
    const [said = { role: 'user', content: [] }] = request.messages;
    const answered = { ...request, messages: [{ ...said, role: 'assistant' as const }, ...request.messages] };
    await expect(answer(model, answered)).rejects.toMatchObject({
      code: 'chat_template_failed',
      message: expect.stringMatching(/rejected the conversation: Roles must alternate[^\n]*$/) as unknown,
      param: 'messages',
    });
  });

  it('takes several messages of one speaker as one, where the chat template wants them in turns', async () => {
    const apart = [said('system', 'A'), said('system', 'B'), said('user', 'What'), said('user', 'is it?')];
    const joined = [said('system', 'A\nB'), said('user', 'What\nis it?')];
    expect(await answerInShort(model, apart)).toEqual(await answerInShort(model, joined));
  });

  it('has calls and results of earlier turns as text, where the chat template has no place for them', async () => {
    const toolCalls = [{ id: 'call_1', name: 'look', arguments: '{"at": 1}' }];
    const result = {
      role: 'tool' as const,
      toolCallId: 'call_1',
      content: [{ type: 'text' as const, text: 'a star' }],
    };
    const withCalls = [said('user', 'Look.'), { role: 'assistant' as const, content: [], toolCalls }, result];
    const call = '<tool_call>\n{"name": "look", "arguments": {"at": 1}}\n</tool_call>';
    const asText = [
      said('user', 'Look.'),
      said('assistant', call),
      said('user', '<tool_response>\na star\n</tool_response>'),
    ];
    expect(await answerInShort(model, withCalls)).toEqual(await answerInShort(model, asText));
  });

  it('stops at an abort, throws its reason, and frees the place', async () => {
    const controller = new AbortController();
    const reason = new Error('gone');
    const generation = model.generate(userTurn([story], { maxTokens: undefined, ignoreEos: true }), controller.signal);
    await expect(
      (async () => {
        for await (const event of generation) if (event.type === 'text-delta') controller.abort(reason);
      })(),
    ).rejects.toBe(reason);
    await until(() => model.stats().sequencesRunning === 0);
    expect((await answer(model, userTurn(['Hello']))).text).not.toBe('');
  });

  it('frees the place of a consumer that walks away', async () => {
    for await (const event of model.generate(userTurn([story], { ignoreEos: true }), new AbortController().signal)) {
      if (event.type === 'text-delta') break;
    }
    await until(() => model.stats().sequencesRunning === 0);
  });

  it('does nothing for a signal that was aborted before', async () => {
    await expect(answer(model, userTurn(['Hello']), AbortSignal.abort(new Error('before')))).rejects.toThrow('before');
  });

  it('lets a request past the batch size wait its turn, and skips it when it is cancelled', async () => {
    const endless = userTurn([story], { maxTokens: undefined, ignoreEos: true });
    const controllers = Array.from({ length: 5 }, () => new AbortController());
    const runs = controllers.map((controller) =>
      answer(model, endless, controller.signal).catch((error: unknown) => error),
    );
    await until(() => model.stats().sequencesRunning === 3 && model.stats().sequencesQueued === 2);
    controllers[3]?.abort(new Error('queued'));
    await until(() => model.stats().sequencesQueued === 1);
    controllers[0]?.abort(new Error('running'));
    await until(() => model.stats().sequencesRunning === 3 && model.stats().sequencesQueued === 0);
    for (const controller of controllers) controller.abort(new Error('all'));
    await Promise.all(runs);
    await until(() => model.stats().sequencesRunning === 0);
  });
});

/** Case 000's picture (an 8), four times as tall. A letterbox would shrink the digit to a quarter of its width. */
async function tallPicture(): Promise<{ image: Awaited<ReturnType<typeof picture>> }> {
  const { width, height, rgb, id } = await picture('000-0.png');
  const tall = new Uint8Array(rgb.length * 4);
  for (let row = 0; row < height * 4; row++) {
    const from = Math.floor(row / 4) * width * 3;
    tall.set(rgb.subarray(from, from + width * 3), row * width * 3);
  }
  return { image: { width, height: height * 4, rgb: tall, id: `tall ${id}` } };
}

/** Without the prefix cache: a prompt that is computed in other pieces has other last digits, which a draw can show. */
async function draw(model: LoadedModel, seed: number): Promise<string> {
  const request = userTurn([story], { maxTokens: 40, cacheSalt: randomUUID() });
  return (await answer(model, { ...request, sampling: { ...request.sampling, temperature: 1.5, seed } })).text;
}

function said(role: 'system' | 'user' | 'assistant', text: string): GenerateRequest['messages'][number] {
  return { role, content: [{ type: 'text', text }] };
}

async function answerInShort(
  model: LoadedModel,
  messages: GenerateRequest['messages'],
): Promise<{ text: string; promptTokens: number }> {
  const { text, promptTokens } = await answer(model, { ...userTurn([]), messages });
  return { text, promptTokens };
}

function shareOfDistinctWords(text: string): number {
  const words = text.split(' ');
  return new Set(words).size / words.length;
}
