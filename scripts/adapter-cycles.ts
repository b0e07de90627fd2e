/**
 * Repeatedly loads a LoRA adapter beside a model, asks the model with it and without, and unloads it, and reports the memory
 * of the process: a leak shows as growth.
 *
 *     node --expose-gc dist/scripts/adapter-cycles.js <model.gguf> <adapter.gguf> [cycles]
 *
 * The last line is JSON: {"cycles": …, "firstRssBytes": …, "lastRssBytes": …}, measured after the first quarter of the
 * cycles (when the allocator's caches are warm) and at the end.
 */
import { scriptArguments, usageError } from './arguments.ts';
import backend from '../backends/node-llama-cpp/index.ts';
import type { GenerateRequest } from '../src/backend/index.ts';
import { greedyRequest } from '../test/engine/greedy.ts';
import { defaultLoadSettings } from '../src/settings/index.ts';

const [modelPath, adapterPath, count = '200'] = scriptArguments({ allowPositionals: true }).positionals;
if (modelPath === undefined || adapterPath === undefined || global.gc === undefined) {
  usageError('--expose-gc, a model and an adapter of it are required');
}
const cycles = Number(count);
const model = await backend.load(
  { modelPath, mmprojPath: undefined },
  { ...defaultLoadSettings, maxLength: 512, maxBatchSize: 2, devices: 'cpu', threads: 1, threadsBatch: 1 },
  { onProgress: () => undefined, log: () => undefined, signal: new AbortController().signal },
);
const content = [{ type: 'text', text: 'What is this?' }] as const;

async function answer(adapter: number | undefined): Promise<void> {
  const request: GenerateRequest = {
    messages: [{ role: 'user', content }],
    ...greedyRequest,
    maxTokens: 8,
    ...(adapter === undefined ? {} : { adapter }),
  };
  for await (const event of model.generate(request, new AbortController().signal)) if (event.type === 'finish') break;
}

let firstRssBytes = 0;
for (let cycle = 1; cycle <= cycles; cycle++) {
  const adapter = await model.loadAdapter?.(adapterPath);
  if (adapter === undefined) throw new Error('The model takes no adapters.');
  await Promise.all([answer(adapter.id), answer(undefined)]);
  await adapter.unload();
  if (cycle % Math.ceil(cycles / 20) === 0) {
    global.gc();
    console.log(`${String(cycle)} cycles: ${String(Math.round(process.memoryUsage.rss() / 1e5) / 10)} MB`);
  }
  if (cycle === Math.ceil(cycles / 4)) firstRssBytes = process.memoryUsage.rss();
}
global.gc();
const lastRssBytes = process.memoryUsage.rss();
await model.close();
console.log(JSON.stringify({ cycles, firstRssBytes, lastRssBytes }));
