import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bitmapOf, oddConversations } from '../../engine/conversations.ts';
import type { Picture } from '../../engine/conversations.ts';
import { denormalizer, joined, loadFaithful, sampleOf } from '../../engine/faithful-model.ts';
import type { FaithfulModel, ReferenceInput } from '../../engine/faithful-model.ts';
import { greedyRequest } from '../../engine/greedy.ts';
import { fixture } from '../../reference/checkpoints.ts';
import type { ImageProcessorSettings } from '../../../src/backend/index.ts';

/** What transformers makes of pictures and a conversation with such arguments, by `compare-transformers.py --budgets`. */
interface BudgetReference {
  readonly kwargs: ImageProcessorSettings;
  readonly pictures: readonly (Picture & { readonly inputs: readonly ReferenceInput[] })[];
  readonly prompt: {
    readonly tokens: readonly (number | readonly [number])[];
    readonly logits?: readonly (readonly [token: number, logit: number])[];
  };
}

const levelsOff = 1;
const logitTolerance = 0.05;

const names = readdirSync(fixture('image-budgets')).map((file) => basename(file, '.json'));

describe.each(names)('%s, asked with arguments of its processor', (name) => {
  const budgets = JSON.parse(readFileSync(fixture(`image-budgets/${name}.json`), 'utf8')) as readonly BudgetReference[];
  let loaded: FaithfulModel;
  beforeAll(async () => {
    loaded = await loadFaithful(name);
  });
  afterAll(() => loaded.dispose());

  it.each(budgets)('sees the pixels that transformers gives it with $kwargs', async ({ kwargs, pictures }) => {
    const bytesOf = denormalizer(name);
    for (const { inputs, ...picture } of pictures) {
      const seen = await loaded.model.inspectImage(bitmapOf(picture), { processor: kwargs });
      expect(seen.map(({ width, height }) => ({ width, height }))).toEqual(
        inputs.map(({ width, height }) => ({ width, height })),
      );
      for (const [i, input] of seen.entries()) {
        const { sample = [], sha256 } = inputs[i] ?? {};
        const bytes = bytesOf(input);
        const differences = sampleOf(bytes, sample.length).map((byte, k) => Math.abs(byte - (sample[k] ?? 0)));
        expect(Math.max(...differences)).toBeLessThanOrEqual(levelsOff);
        if (sha256 !== undefined) expect(createHash('sha256').update(bytes).digest('hex')).toBe(sha256);
      }
    }
  });

  it.each(budgets)('reads and begins its answer as transformers does with $kwargs', async ({ kwargs, prompt }) => {
    const [messages = []] = oddConversations;
    const request = { messages, ...greedyRequest, maxTokens: 1, ignoreEos: true, imageProcessor: kwargs };
    expect(joined(await loaded.model.inspectRequest(request))).toEqual(prompt.tokens);
    const { logits = [] } = prompt;
    const own = await loaded.model.firstLogits(request, logits.length);
    for (const [rank, [, logit]] of logits.entries()) {
      expect(Math.abs((own[rank]?.logit ?? Infinity) - logit)).toBeLessThan(logitTolerance);
    }
  });
});
