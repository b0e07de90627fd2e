/**
 * Compares the engine with the recorded results of transformers' processors and models for the same checkpoints
 * (test/fixtures/processors), one line per checkpoint.
 *
 *     node dist/scripts/compare-transformers.js [name…]
 *
 * pixels: the largest deviation of a sampled channel in levels of 255, and how many images are bit-identical; prompts:
 * how many conversations have the same tokens; first token: how often the likeliest one is the same, and the largest
 * deviation of the five highest logits.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { scriptArguments } from './arguments.ts';
import type { LoadedLlama } from '../backends/node-llama-cpp/loaded-llama.ts';
import { bitmapOf, oddConversations } from '../test/engine/conversations.ts';
import { denormalizer, joined, loadFaithful, sampleOf } from '../test/engine/faithful-model.ts';
import type { ProcessorReference } from '../test/engine/faithful-model.ts';
import { greedyRequest } from '../test/engine/greedy.ts';
import { fixture } from '../test/reference/checkpoints.ts';
import { chosenNames } from '../test/reference/chosen-names.ts';

const sizes = (images: readonly { width: number; height: number }[]): string =>
  images.map(({ width, height }) => `${width}x${height}`).join(' ');

/** Deviation of the pixels. */
async function comparePixels(
  name: string,
  model: LoadedLlama,
  pictures: ProcessorReference['pictures'],
): Promise<string> {
  const bytesOf = denormalizer(name);
  let levels = 0;
  let equal = 0;
  for (const { inputs, ...picture } of pictures) {
    const seen = await model.inspectImage(bitmapOf(picture));
    if (sizes(seen) !== sizes(inputs)) {
      console.log(`  ${sizes([picture])} becomes ${sizes(seen)} instead of ${sizes(inputs)}`);
      continue;
    }
    let isEqual = true;
    for (const [i, input] of seen.entries()) {
      const { sample = [], sha256 } = inputs[i] ?? {};
      const bytes = bytesOf(input);
      const differences = sampleOf(bytes, sample.length).map((byte, k) => Math.abs(byte - (sample[k] ?? 0)));
      levels = Math.max(levels, ...differences);
      isEqual &&= createHash('sha256').update(bytes).digest('hex') === sha256;
    }
    if (isEqual) equal++;
  }
  return `pixels off ${String(levels)}, ${String(equal)} of ${String(pictures.length)} equal`;
}

/** Number of equal prompts, and deviation of the first token's logits. */
async function comparePrompts(model: LoadedLlama, prompts: ProcessorReference['prompts']): Promise<string> {
  let same = 0;
  let first = 0;
  const off: number[] = [];
  for (const [i, messages] of oddConversations.entries()) {
    const { tokens, logits } = prompts[i] ?? { tokens: [] };
    if (JSON.stringify(joined(await model.inspectPrompt(messages))) === JSON.stringify(tokens)) same++;
    if (logits === undefined) continue;
    const request = { messages, ...greedyRequest, maxTokens: 1, ignoreEos: true };
    const own = await model.firstLogits(request, logits.length);
    if (own[0]?.token === logits[0]?.[0]) first++;
    off.push(Math.max(...logits.map(([, logit], rank) => Math.abs(logit - (own[rank]?.logit ?? Infinity)))));
  }
  const all = String(oddConversations.length);
  const logits =
    off.length === 0 ? 'no model' : `first token ${String(first)} of ${all}, off ${Math.max(...off).toFixed(3)}`;
  return `prompts ${String(same)} of ${all}; ${logits}`;
}

const kept = readdirSync(fixture('processors'))
  .map((file) => basename(file, '.json'))
  .filter((name) => name !== 'conversations');
for (const name of chosenNames(scriptArguments({ allowPositionals: true }).positionals, kept)) {
  const { pictures, prompts } = JSON.parse(
    readFileSync(fixture(`processors/${name}.json`), 'utf8'),
  ) as ProcessorReference;
  const loaded = await loadFaithful(name);
  const pixels = await comparePixels(name, loaded.model, pictures);
  console.log(`${name.padEnd(24)} ${pixels}; ${await comparePrompts(loaded.model, prompts)}`);
  await loaded.dispose();
}
