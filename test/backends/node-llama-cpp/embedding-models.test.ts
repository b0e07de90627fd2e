import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import backend from '../../../backends/node-llama-cpp/index.ts';
import type { Bitmap, LoadedModel, LoadSettings, PromptPart } from '../../../src/backend/index.ts';
import { defaultLoadSettings } from '../../../src/settings/index.ts';
import { contextLength, tinyBert, tokenIds, vectorsOf } from '../../engine/tiny-bert.ts';
import { answer, loadShapes, picture, userTurn } from '../../support/shapes-engine.ts';
import { referenceCases } from '../../support/shapes.ts';

const never = new AbortController().signal;
const text = (content: string): PromptPart[] => [{ type: 'text', text: content }];
const seen = (image: Bitmap): PromptPart[] => [{ type: 'image', image }, ...text('What is it?')];

async function embed(model: LoadedModel, input: readonly PromptPart[], signal = new AbortController().signal) {
  if (model.embed === undefined) throw new Error('The model does not embed.');
  return model.embed({ input, cacheSalt: '' }, signal);
}

const cosine = (a: Iterable<number>, b: readonly number[]): number => {
  const x = [...a];
  return x.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0) / (Math.hypot(...x) * Math.hypot(...b));
};

describe('a model that was trained to embed', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vserve-bert-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function load(pooling: number | undefined, settings: Partial<LoadSettings> = {}): Promise<LoadedModel> {
    const modelPath = join(folder, `bert-${String(pooling)}.gguf`);
    await writeFile(modelPath, tinyBert(pooling));
    const model = await backend.load(
      { modelPath, mmprojPath: undefined },
      { ...defaultLoadSettings, devices: 'cpu', ...settings },
      { onProgress: () => undefined, log: () => undefined, signal: never },
    );
    onTestFinished(() => model.close());
    return model;
  }

  const sentence = 'the red circles';
  const tokens = [tokenIds.cls, tokenIds.the, tokenIds.red, tokenIds.circle, tokenIds.s, tokenIds.sep];
  const vectors = vectorsOf(tokens);
  const mean = (vectors[0] ?? []).map((_, i) => vectors.reduce((sum, vector) => sum + (vector[i] ?? 0), 0));

  it.each([
    ['the mean of all tokens', 1, undefined, mean],
    ['the first token', 2, undefined, vectors[0]],
    ['the last token', 3, undefined, vectors.at(-1)],
    ['the way it is told', 1, 'cls', vectors[0]],
    ['the mean, if the file says nothing', undefined, undefined, mean],
  ] as const)('makes one vector: %s', async (_name, own, pooling, expected = []) => {
    const model = await load(own, { pooling });
    const { vector, promptTokens } = await embed(model, text(sentence));
    expect(promptTokens).toBe(tokens.length);
    expect(Math.hypot(...vector)).toBeCloseTo(1);
    expect(cosine(vector, expected)).toBeGreaterThan(0.9999);
  });

  it('computes inputs together as it computes each alone', async () => {
    const model = await load(1);
    const inputs = ['the red circle', 'green', 'the square', sentence, 'the red circle'].map(text);
    const alone = [];
    for (const input of inputs) alone.push((await embed(model, input)).vector);
    const together = await Promise.all(inputs.map((input) => embed(model, input)));
    for (const [index, { vector }] of together.entries())
      expect(cosine(vector, [...(alone[index] ?? [])])).toBeCloseTo(1, 4);
    expect(cosine(alone[0] ?? [], [...(alone[1] ?? [])])).toBeLessThan(0.99);
  });

  it('takes tokens as they are, and refuses what it cannot take', async () => {
    const model = await load(1);
    const { vector, promptTokens } = await embed(model, [{ type: 'tokens', tokens }]);
    expect(promptTokens).toBe(tokens.length);
    expect(cosine(vector, mean)).toBeGreaterThan(0.9999);
    const long = embed(model, text('the '.repeat(contextLength)));
    await expect(long).rejects.toMatchObject({ code: 'context_length_exceeded', param: 'input' });
    const farTooLong = embed(model, text('the '.repeat(1000 * contextLength)));
    await expect(farTooLong).rejects.toMatchObject({ code: 'context_length_exceeded', param: 'input' });
    const unknown = embed(model, [{ type: 'tokens', tokens: [99], param: 'input' }]);
    await expect(unknown).rejects.toMatchObject({ code: 'invalid_request', param: 'input' });
    await expect(embed(model, text('red'), AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
    expect(() => model.generate(userTurn(['Hi']), never)).toThrow('/v1/embeddings');
    expect(model.info).toMatchObject({
      capabilities: { embeddings: true, vision: false },
      contextLength,
      description: { architecture: 'bert', embeddingLength: 32, trainedContextLength: contextLength },
    });
  });

  it('is refused by a named error where computing it would end the process', async () => {
    const modelPath = join(folder, 'headless.gguf');
    await writeFile(modelPath, tinyBert(1, 0));
    const loading = backend.load(
      { modelPath, mmprojPath: undefined },
      { ...defaultLoadSettings, devices: 'cpu' },
      { onProgress: () => undefined, log: () => undefined, signal: never },
    );
    await expect(loading).rejects.toMatchObject({
      code: 'model_load_failed',
      message: expect.stringContaining(modelPath) as unknown,
    });
  });

  it('fails what is running when it is closed', async () => {
    const model = await load(1);
    const running = Array.from({ length: 20 }, () => embed(model, text(sentence)).catch((error: unknown) => error));
    await model.close();
    for (const result of await Promise.all(running)) {
      if (result instanceof Error) expect(result).toMatchObject({ code: 'model_closed' });
    }
    await expect(embed(model, text(sentence))).rejects.toMatchObject({ code: 'model_closed' });
  });
});

describe('a chat model with --embeddings', () => {
  let model: LoadedModel;
  beforeAll(async () => {
    model = await loadShapes({ maxBatchSize: 2, maxLength: 2048, embeddings: true });
  });
  afterAll(() => model.close());

  it('embeds texts of any length, and images, and answers as before', { timeout: 60_000 }, async () => {
    const [name = ''] = referenceCases.flatMap(({ messages }) =>
      messages.flatMap(({ content }) => content.flatMap((part) => (part.type === 'image' ? [part.image] : []))),
    );
    const image = await picture(name);
    const dark = { ...image, id: 'dark', rgb: image.rgb.map((value) => 255 - value) };
    const [long, longer, first, again, other, { text: said }] = await Promise.all([
      embed(model, text('word '.repeat(700))),
      embed(model, text(`${'word '.repeat(700)}end`)),
      embed(model, seen(image)),
      embed(model, seen(image)),
      embed(model, seen(dark)),
      answer(model, userTurn(['Tell me a story.'], { maxTokens: 5 })),
    ]);
    expect(long.promptTokens).toBeGreaterThan(1024);
    expect(cosine(long.vector, [...longer.vector])).toBeLessThan(0.9999);
    expect(cosine(first.vector, [...again.vector])).toBeCloseTo(1, 4);
    expect(cosine(first.vector, [...other.vector])).toBeLessThan(0.9999);
    expect(said).not.toBe('');
    expect(model.info.capabilities.embeddings).toBe(true);
  });
});

describe('a chat model with --embeddings has one vision encoder, and', () => {
  it('encodes an image once, for embeddings and answers', async () => {
    const model = await loadShapes({ maxBatchSize: 2, maxLength: 1024, embeddings: true });
    onTestFinished(() => model.close());
    const image = await picture('000-0.png');
    await embed(model, seen(image));
    expect(model.work?.()?.encodes).toBe(1);
    await answer(model, userTurn([{ type: 'image', image }, 'What is it?'], { maxTokens: 1 }));
    expect(model.work?.()).toMatchObject({ encodes: 1, knownImages: 1 });
  });

  it('ends those who wait for it when it is closed', async () => {
    const model = await loadShapes({ maxBatchSize: 2, maxLength: 1024, maxVisionCacheEntries: 0, embeddings: true });
    const image = await picture('000-0.png');
    const running = Array.from({ length: 8 }, () => embed(model, seen(image)).catch((error: unknown) => error));
    await model.close();
    for (const result of await Promise.all(running)) {
      if (result instanceof Error) expect(result).toMatchObject({ code: 'model_closed' });
    }
  });
});

describe('a chat model without', () => {
  it('refuses to embed, and to be told how', async () => {
    const model = await loadShapes({ maxBatchSize: 1, maxLength: 256 });
    onTestFinished(() => model.close());
    await expect(embed(model, text('a'))).rejects.toMatchObject({ code: 'unsupported_capability' });
    await expect(loadShapes({ pooling: 'mean' })).rejects.toMatchObject({ code: 'invalid_setting' });
    expect(model.info.description).toMatchObject({
      architecture: 'gemma3',
      vocabularySize: expect.any(Number) as number,
    });
  });
});
