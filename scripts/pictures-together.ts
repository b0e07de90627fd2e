/**
 * Asks Gemma 4 about eight different pictures at its largest budget at once, in eight streams, with the default settings, and
 * about each alone: the answers must be the same.
 *
 *     node dist/scripts/pictures-together.js [--pictures 8] [--tokens 1120]
 *
 * Prints the answers, and exits with 1 where one differs.
 */
import { scriptArguments } from './arguments.ts';
import type { LoadedLlama } from '../backends/node-llama-cpp/loaded-llama.ts';
import { defaultLoadSettings } from '../src/settings/index.ts';
import { bitmapOf } from '../test/engine/conversations.ts';
import { loadFaithful } from '../test/engine/faithful-model.ts';
import { greedyRequest } from '../test/engine/greedy.ts';

/** 35 by 32 tokens of 48 pixels: no picture has more. */
const size = { width: 1680, height: 1536 };

const { values } = scriptArguments({
  options: { pictures: { type: 'string', default: '8' }, tokens: { type: 'string', default: '1120' } },
});
const seeds = Array.from({ length: Number(values.pictures) }, (_, index) => index + 1);
const imageProcessor = { max_soft_tokens: Number(values.tokens) };

/** The answer about a picture, and its tokens. `cacheSalt` keeps what was encoded before from it. */
async function ask(model: LoadedLlama, seed: number, cacheSalt: string): Promise<string> {
  const content = [
    { type: 'image' as const, image: bitmapOf({ ...size, seed }) },
    { type: 'text' as const, text: 'What is in this picture?' },
  ];
  const messages = [{ role: 'user' as const, content }];
  const request = { messages, ...greedyRequest, maxTokens: 8, ignoreEos: true, imageProcessor, cacheSalt };
  let text = '';
  let tokens = 0;
  for await (const event of model.generate(request, new AbortController().signal)) {
    if (event.type === 'text-delta') text += event.text;
    if (event.type === 'prefilled') tokens = event.images?.[0]?.tokens ?? 0;
  }
  return `${String(tokens)} tokens: ${text}`;
}

const { maxBatchInputTokens, flashAttention, mmprojEncoding } = defaultLoadSettings;
const loaded = await loadFaithful('gemma4-31b-tiny', undefined, undefined, undefined, {
  maxBatchSize: seeds.length,
  maxLength: 4096,
  maxBatchInputTokens,
  flashAttention,
  mmprojEncoding,
});
const { model } = loaded;
const together = await Promise.all(seeds.map((seed) => ask(model, seed, 'together')));
for (const [index, seed] of seeds.entries()) {
  const alone = await ask(model, seed, 'alone');
  const isSame = alone === together[index];
  console.log(
    `${String(seed)}: ${isSame ? 'same' : 'DIFFERS'} ${JSON.stringify(alone)} ${isSame ? '' : (together[index] ?? '')}`,
  );
  if (!isSame) process.exitCode = 1;
}
await loaded.dispose();
