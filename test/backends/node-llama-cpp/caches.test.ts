import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ContentPart, GenerateRequest, LoadedModel } from '../../../src/backend/index.ts';
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

/** The request that goes on from an answer with another question. */
function nextTurn(request: GenerateRequest, text: string, question: string): GenerateRequest {
  return {
    ...request,
    messages: [
      ...request.messages,
      { role: 'assistant', content: [{ type: 'text', text }] },
      { role: 'user', content: [{ type: 'text', text: question }] },
    ],
  };
}

describe('the prefix cache', () => {
  let model: LoadedModel;
  beforeAll(async () => {
    model = await loadShapes({ maxBatchSize: 4 });
  });
  afterAll(() => model.close());

  async function cachedTokens(request: GenerateRequest): Promise<number> {
    return (await answer(model, request)).finish.usage.cachedTokens;
  }

  it('computes a prompt again only from its last token', async () => {
    const request = await referenceRequest(referenceCase('007'));
    const first = await answer(model, request);
    const second = await answer(model, request);
    expect(second.text).toBe(first.text);
    expect(second.finish.usage.cachedTokens).toBe(first.promptTokens - 1);
  });

  it('continues a conversation where the last answer ended', async () => {
    const request = await referenceRequest(referenceCase('036'));
    const { text, promptTokens, finish } = await answer(model, request);
    const next = nextTurn(request, text, 'How many shapes are there?');
    // The prompt and the answer, but for the token that ended it: that one was never computed.
    expect(await cachedTokens(next)).toBeGreaterThanOrEqual(promptTokens + finish.usage.completionTokens - 2);
  });

  it('keeps the image in front of a new question, and not in front of another image', async () => {
    const image = await picture('000-0.png');
    const other = await picture('003-0.png');
    await answer(model, userTurn([{ type: 'image', image }, 'What number is shown?']));
    const asked = await answer(model, userTurn([{ type: 'image', image }, 'What color is the background?']));
    expect(asked.finish.usage.cachedTokens).toBeGreaterThan(16);
    const elsewhere = await answer(model, userTurn([{ type: 'image', image: other }, 'What number is shown?']));
    expect(elsewhere.finish.usage.cachedTokens).toBeLessThan(16);
  });

  it('is told apart by the salt', async () => {
    const request = userTurn(['Tell me a story about salt.'], { maxTokens: 4 });
    await answer(model, { ...request, cacheSalt: 'a' });
    expect(await cachedTokens({ ...request, cacheSalt: 'b' })).toBe(0);
    expect(await cachedTokens(request)).toBeLessThan(10);
    expect(await cachedTokens({ ...request, cacheSalt: 'a' })).toBeGreaterThan(10);
  });

  it('can be emptied', async () => {
    const request = userTurn(['Tell me a story about nothing.'], { maxTokens: 4 });
    await answer(model, request);
    expect(await cachedTokens(request)).toBeGreaterThan(10);
    model.resetPrefixCache?.();
    expect(await cachedTokens(request)).toBe(0);
  });

  it('serves a running sequence’s beginning to another', async () => {
    model.resetPrefixCache?.();
    const image = await picture('021-0.png');
    const controller = new AbortController();
    const endless = userTurn([{ type: 'image', image }, 'Describe this image.'], {
      maxTokens: undefined,
      ignoreEos: true,
    });
    const events = model.generate(endless, controller.signal);
    for await (const event of events) {
      if (event.type !== 'text-delta') continue;
      const beside = await answer(model, userTurn([{ type: 'image', image }, 'What color is the background?']));
      expect(beside.finish.usage.cachedTokens).toBeGreaterThan(16);
      break;
    }
    controller.abort();
    await until(() => model.stats().sequencesRunning === 0);
  });

  it('holds what a cancelled request had computed', async () => {
    const request = userTurn(['Tell me a story about a request that was cancelled.'], {
      maxTokens: undefined,
      ignoreEos: true,
    });
    for await (const event of model.generate(request, new AbortController().signal)) {
      if (event.type === 'text-delta') break;
    }
    await until(() => model.stats().sequencesRunning === 0);
    expect(await cachedTokens({ ...request, maxTokens: 4 })).toBeGreaterThan(10);
  });

  it('does not continue where the sliding window has moved past', async () => {
    // 64 tokens of window: after 1500 more, nothing is left of what stood before the first of them.
    const start = userTurn(['Tell me a story.'], { maxTokens: 1500, ignoreEos: true });
    const { text } = await answer(model, start);
    const again = await answer(model, { ...start, maxTokens: 100 });
    expect(text.startsWith(again.text.trimEnd())).toBe(true);
  });

  it('comes back to an image that the sliding window has moved past', async () => {
    const image: ContentPart = { type: 'image', image: await picture('000-0.png') };
    const before = 'You will see a picture of some shapes. Look at it with care. '.repeat(5);
    const question = userTurn([before, image, 'What color is the background?']);
    const fresh = await loadShapes({ maxBatchSize: 1, enablePrefixCaching: false });
    const expected = (await answer(fresh, question)).text;
    await fresh.close();
    await answer(model, userTurn([before, image, 'What number is shown?'], { maxTokens: 1500, ignoreEos: true }));
    // Once in the slot that ran on, and once more, in another than the first.
    for (const changed of [question, userTurn([before, image, 'What is the color of the background?'])]) {
      const { text, finish } = await answer(model, changed);
      expect(finish.usage.cachedTokens).toBeGreaterThan(64);
      expect(text).toBe(expected);
    }
  });

  it('comes back to the middle of a prompt that is longer than the window', async () => {
    const story = 'Tell me a story about a red circle, a blue square and a green triangle. '.repeat(40);
    const first = await answer(model, userTurn([`${story}The end.`], { maxTokens: 1000, ignoreEos: true }));
    const second = await answer(model, userTurn([`${story}How many shapes are there?`], { maxTokens: 8 }));
    expect(second.finish.usage.cachedTokens).toBeGreaterThan(400);
    expect(second.finish.usage.cachedTokens).toBeLessThan(first.promptTokens);
    const plain = await loadShapes({ maxBatchSize: 1, enablePrefixCaching: false });
    const again = await answer(plain, userTurn([`${story}How many shapes are there?`], { maxTokens: 8 }));
    await plain.close();
    expect(second.text).toBe(again.text);
  });
});

describe('the prefix cache of a model with a single slot', () => {
  it('goes on with each of several conversations, and answers as without a cache', async () => {
    const model = await loadShapes({ maxBatchSize: 1 });
    const plain = await loadShapes({ maxBatchSize: 1, enablePrefixCaching: false });
    const image: ContentPart = { type: 'image', image: await picture('000-0.png') };
    const before = 'You will see a picture of some shapes. Look at it with care. '.repeat(5);
    const conversations = [
      userTurn([image, 'What number is shown?']),
      userTurn(['Tell me a story.'], { maxTokens: 200, ignoreEos: true }),
      userTurn([before, image, 'What number is shown?']),
    ];
    const first: Awaited<ReturnType<typeof answer>>[] = [];
    for (const request of conversations) first.push(await answer(model, request));
    const next = conversations.map((request, i) =>
      nextTurn({ ...request, maxTokens: 16, ignoreEos: false }, first[i]?.text ?? '', 'What color is the background?'),
    );
    for (const [i, request] of next.entries()) {
      const { text, finish } = await answer(model, request);
      expect(finish.usage.cachedTokens).toBeGreaterThanOrEqual(first[i]?.promptTokens ?? Infinity);
      expect(text).toBe((await answer(plain, request)).text);
    }
    model.resetPrefixCache?.();
    for (const request of next) expect((await answer(model, request)).finish.usage.cachedTokens).toBeLessThan(16);
    await model.close();
    await plain.close();
  });
});

describe('an image beside a running stream', () => {
  it('is answered as ever, and the stream goes on while its tokens are computed', async () => {
    const model = await loadShapes({ maxBatchSize: 4 });
    const image: ContentPart = { type: 'image', image: await picture('000-0.png') };
    const question = userTurn([image, 'What color is the background?']);
    const alone = await answer(model, question); // from here on, the image is encoded
    let streamed = 0;
    const controller = new AbortController();
    const stream = (async () => {
      const endless = userTurn(['Tell me a story.'], { maxTokens: undefined, ignoreEos: true });
      // Another one where its context is full before this thread runs again.
      for (;;) {
        for await (const event of model.generate(endless, controller.signal)) {
          if (event.type === 'text-delta') streamed += event.tokens;
        }
      }
    })().catch(() => undefined);
    await until(() => streamed > 0);
    const before = streamed;
    model.resetPrefixCache?.();
    const beside = await answer(model, { ...question, maxTokens: 1 });
    // Its two pieces of text and its first token are steps that it shares; the others ran within the image, which is a step
    // of its own on a GPU.
    expect(streamed - before).toBeGreaterThan(devices === 'cpu' ? 8 : 0);
    expect(alone.text.startsWith(beside.text)).toBe(true);
    expect((await answer(model, question)).text).toBe(alone.text);
    controller.abort();
    await stream;
    await model.close();
  });
});

describe('with caches and without', () => {
  it('the answers are the same, in one turn and over several, in any order', async () => {
    const cached = await loadShapes({ maxBatchSize: 3 });
    const plain = await loadShapes({ maxBatchSize: 3, enablePrefixCaching: false, maxVisionCacheEntries: 0 });
    const cases = referenceCases.filter(({ messages }) => !JSON.stringify(messages).includes('.bmp'));
    const requests = await Promise.all(cases.map((reference) => referenceRequest(reference)));
    // Each twice, so that both the images and the prompts are met again.
    const mixed = [...requests, ...requests.toReversed()];
    for (const model of [cached, plain]) {
      const answers = await Promise.all(mixed.map((request) => answer(model, request)));
      const expected = [...cases, ...cases.toReversed()].map(({ expected }) => expected);
      expect(answers.map(({ text }) => text)).toEqual(expected);
      const reused = answers.some(({ finish }) => finish.usage.cachedTokens > 0);
      expect(reused).toBe(model === cached);
    }
    await cached.close();
    await plain.close();
  });

  it('a picture that is there twice is seen twice', async () => {
    const image = await picture('000-0.png');
    const other = await picture('003-0.png');
    const requestOf = (...images: (typeof image)[]) =>
      userTurn([...images.map((image) => ({ type: 'image', image }) as const), 'What color is the background?']);
    for (const maxVisionCacheEntries of [0, 8]) {
      const model = await loadShapes({ maxBatchSize: 1, enablePrefixCaching: false, maxVisionCacheEntries });
      const [twice, apart, otherwise] = [
        await answer(model, requestOf(image, other, image)),
        await answer(model, requestOf(image, other, { ...image, id: 'of its own' })),
        await answer(model, requestOf(image, other, other)),
      ];
      expect(twice.text).toBe(apart.text);
      expect(twice.text).not.toBe(otherwise.text);
      await model.close();
    }
  });
});
