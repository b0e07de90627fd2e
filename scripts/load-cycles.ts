/**
 * Repeatedly loads a model, asks it and closes it, and reports the memory of the process: a leak shows as growth.
 *
 *     node --expose-gc dist/scripts/load-cycles.js <model.gguf> <mmproj.gguf> [cycles]
 *
 * The last line is JSON: {"cycles": …, "firstRssBytes": …, "lastRssBytes": …}, measured after the first quarter of the
 * cycles (when the allocator's caches are warm) and at the end.
 */
import { scriptArguments, usageError } from './arguments.ts';
import backend from '../backends/node-llama-cpp/index.ts';
import { greedyRequest } from '../test/engine/greedy.ts';
import { defaultLoadSettings } from '../src/settings/index.ts';

const [modelPath, mmprojPath, count = '200'] = scriptArguments({ allowPositionals: true }).positionals;
if (modelPath === undefined || mmprojPath === undefined || global.gc === undefined) {
  usageError('--expose-gc, a model and its projector are required');
}
const cycles = Number(count);
const image = { width: 64, height: 64, rgb: new Uint8Array(64 * 64 * 3).fill(127), id: 'grey' };
const content = [
  { type: 'image', image },
  { type: 'text', text: 'What is in this image?' },
] as const;

let firstRssBytes = 0;
for (let cycle = 1; cycle <= cycles; cycle++) {
  const { signal } = new AbortController();
  const model = await backend.load(
    { modelPath, mmprojPath },
    { ...defaultLoadSettings, devices: 'cpu' },
    { onProgress: () => undefined, log: () => undefined, signal },
  );
  const request = {
    messages: [{ role: 'user', content }],
    ...greedyRequest,
    maxTokens: 8,
  } as const;
  for await (const event of model.generate(request, signal)) if (event.type === 'finish') break;
  await model.close();
  if (cycle % Math.ceil(cycles / 20) === 0) {
    global.gc();
    console.log(`${String(cycle)} cycles: ${String(Math.round(process.memoryUsage.rss() / 1e6))} MB`);
  }
  if (cycle === Math.ceil(cycles / 4)) firstRssBytes = process.memoryUsage.rss();
}
global.gc();
console.log(JSON.stringify({ cycles, firstRssBytes, lastRssBytes: process.memoryUsage.rss() }));
