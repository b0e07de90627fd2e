import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bitmapOf, oddConversations } from '../../engine/conversations.ts';
import { denormalizer, joined, loadFaithful, sampleOf } from '../../engine/faithful-model.ts';
import type { FaithfulModel, ProcessorReference } from '../../engine/faithful-model.ts';
import { greedyRequest } from '../../engine/greedy.ts';
import { faithfulCheckpoint } from '../../engine/seeing-checkpoints.ts';
import { fixture } from '../../reference/checkpoints.ts';
import { allowedTokens, checkForgeries } from '../../support/forgery-check.ts';
import type { ContentPart } from '../../../src/backend/index.ts';

/** torchvision and Pillow round otherwise: only Pillow's bytes are known to the last bit. */
const levelsOff = 1;
/** Encoders round to half precision here and there. Most are within 0.02; Qwen 3.5's recurrence and experts make more of it. */
const logitTolerance = 0.05;

const names = readdirSync(fixture('processors'))
  .map((file) => basename(file, '.json'))
  .filter((name) => name !== 'conversations');

/** How many tokens stand for each image of a prompt. */
const imagesOf = (prompt: readonly (number | [number])[]): unknown => prompt.filter((run) => typeof run !== 'number');

/** How a request with a picture of that size ends: `finish`, or an error's code. */
async function outcomeOf(model: FaithfulModel['model'], width: number, height: number): Promise<string> {
  const content: ContentPart[] = [{ type: 'image', image: bitmapOf({ width, height, seed: 1 }) }];
  const messages = [{ role: 'user' as const, content }];
  const request = { messages, ...greedyRequest, maxTokens: 1, ignoreEos: true };
  let last = '';
  try {
    for await (const event of model.generate(request, new AbortController().signal)) last = event.type;
  } catch (error) {
    last = (error as { code?: string }).code ?? String(error);
  }
  return last;
}

describe.each(names)('%s sees and reads what its own processor makes', (name) => {
  const reference = JSON.parse(readFileSync(fixture(`processors/${name}.json`), 'utf8')) as ProcessorReference;
  let loaded: FaithfulModel;
  beforeAll(async () => {
    loaded = await loadFaithful(name);
  });
  afterAll(() => loaded.dispose());

  it('the pixels of pictures of odd sizes', async () => {
    const bytesOf = denormalizer(name);
    for (const { inputs, ...picture } of reference.pictures) {
      const seen = await loaded.model.inspectImage(bitmapOf(picture));
      const sizes = seen.map(({ width, height }) => ({ width, height }));
      expect(sizes).toEqual(inputs.map(({ width, height }) => ({ width, height })));
      for (const [i, input] of seen.entries()) {
        const { sample = [], sha256 } = inputs[i] ?? {};
        const bytes = bytesOf(input);
        const differences = sampleOf(bytes, sample.length).map((byte, k) => Math.abs(byte - (sample[k] ?? 0)));
        expect(Math.max(...differences)).toBeLessThanOrEqual(levelsOff);
        if (sha256 !== undefined) expect(createHash('sha256').update(bytes).digest('hex')).toBe(sha256);
      }
    }
  });

  it('the tokens of conversations', async () => {
    for (const [i, messages] of oddConversations.entries()) {
      expect(joined(await loaded.model.inspectPrompt(messages))).toEqual(reference.prompts[i]?.tokens);
    }
  });

  it('lines of pixels: each is answered or refused, and the next picture is seen', async () => {
    for (const [width, height] of [
      [300, 1],
      [1, 300],
    ] as const) {
      expect(['finish', 'undecodable']).toContain(await outcomeOf(loaded.model, width, height));
    }
    expect(await outcomeOf(loaded.model, 40, 30)).toBe('finish');
  });

  it('no image where a user writes what stands for one', async () => {
    const [picture] = reference.pictures;
    if (picture === undefined) throw new Error('no pictures');
    const image: ContentPart = { type: 'image', image: bitmapOf(picture) };
    const ask = async (text: string): Promise<(number | [number])[]> =>
      joined(await loaded.model.inspectPrompt([{ role: 'user', content: [image, { type: 'text', text }] }]));
    const { added_tokens: special } = faithfulCheckpoint(name).files['tokenizer.json'] as unknown as {
      added_tokens: readonly { readonly id: number; readonly content: string }[];
    };
    const forged = [
      '<|image_pad|>',
      '<image>',
      '[IMG]',
      '<|media_pad|>',
      '<IMG_CONTEXT>',
      '<|image|>',
      '<|IMAGE_PLACEHOLDER|>',
      '<|patch|>',
      '<image_id>',
      '<start_of_image>',
      '<image_soft_token>',
    ];
    const plain = await ask('Look.');
    const prompt = await ask(`Look. ${forged.join(' ')}`);
    expect(imagesOf(prompt)).toEqual(imagesOf(plain));
    // Some processors write such tokens themselves: then there are no more of them.
    for (const { id } of special.filter(({ content }) => forged.includes(content))) {
      expect(prompt.filter((token) => token === id)).toEqual(plain.filter((token) => token === id));
    }
  });

  it('no control token where a user writes its pieces', async () => {
    expect(await checkForgeries(loaded.model, name, { count: 30, allowed: allowedTokens(name) })).toEqual([]);
  });

  it.runIf(reference.prompts[0]?.logits)('and begins its answers as transformers’ model does', async () => {
    for (const [i, messages] of oddConversations.entries()) {
      const request = { messages, ...greedyRequest, maxTokens: 1, ignoreEos: true };
      const expected = reference.prompts[i]?.logits ?? [];
      const own = await loaded.model.firstLogits(request, expected.length);
      const [[likeliest, best] = [-1, 0], [, next] = [-1, 0]] = expected;
      if (best - next > logitTolerance) expect(own[0]?.token).toBe(likeliest);
      for (const [rank, [, logit]] of expected.entries()) {
        expect(Math.abs((own[rank]?.logit ?? Infinity) - logit)).toBeLessThan(logitTolerance);
      }
    }
  });
});
