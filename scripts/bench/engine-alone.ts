/**
 * Output tokens per second of vserve's engine with nothing before it: no server, no client, no other process that wants the
 * CPUs. It is what llama-batched-bench measures of llama.cpp. The prompts are computed, the answers are sampled greedily and
 * made into text.
 *
 *     node dist/scripts/bench/engine-alone.js --model <file.gguf> --mmproj <file.gguf> --max-length <tokens>
 *       --devices <devices> --streams <n> --prompt-words <n> --output-tokens <n>
 *
 * Prints the tokens of a prompt and the tokens per second, as JSON.
 */
import { setMaxListeners } from 'node:events';
import backend from '../../backends/node-llama-cpp/index.ts';
import type { LoadedModel } from '../../src/backend/index.ts';
import { defaultLoadSettings } from '../../src/settings/index.ts';
import { greedyRequest } from '../../test/engine/greedy.ts';
import { scriptArguments } from '../arguments.ts';
import { randomText } from './prompts.ts';

const text = { type: 'string' } as const;
const { values } = scriptArguments({
  options: {
    model: text,
    mmproj: text,
    'max-length': text,
    devices: text,
    streams: text,
    'prompt-words': text,
    'output-tokens': text,
  },
});
const streams = Number(values.streams);
const promptWords = Number(values['prompt-words']);
const outputTokens = Number(values['output-tokens']);
/** Of each stream, before that: JavaScript is compiled while it runs, and the engine gathers its memory in large pages. */
const warmUpTokens = 32;
const { signal } = new AbortController();
setMaxListeners(streams, signal);

/** Of all streams together, the most tokens of a prompt. */
async function answers(model: LoadedModel, maxTokens: number): Promise<number> {
  return Math.max(...(await Promise.all(Array.from({ length: streams }, () => answer(model, maxTokens)))));
}

/** The number of tokens of the prompt. */
async function answer(model: LoadedModel, maxTokens: number): Promise<number> {
  const content = [{ type: 'text' as const, text: randomText(promptWords) }];
  const request = { messages: [{ role: 'user' as const, content }], ...greedyRequest, maxTokens, ignoreEos: true };
  let promptTokens = 0;
  for await (const event of model.generate(request, signal)) {
    if (event.type === 'start') promptTokens = event.promptTokens;
  }
  return promptTokens;
}

const model = await backend.load(
  { modelPath: values.model ?? '', mmprojPath: values.mmproj },
  {
    ...defaultLoadSettings,
    maxLength: Number(values['max-length']),
    maxBatchSize: streams,
    devices: values.devices ?? 'cpu',
  },
  { onProgress: () => undefined, log: () => undefined, signal },
);
try {
  await answers(model, warmUpTokens);
  const startedAtMs = performance.now();
  const promptTokens = await answers(model, outputTokens);
  const seconds = (performance.now() - startedAtMs) / 1000;
  const tokensPerSecond = (streams * outputTokens) / seconds;
  console.log(JSON.stringify({ promptTokens, tokensPerSecond }));
} finally {
  await model.close();
}
