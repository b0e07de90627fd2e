/**
 * Holds answers of a loaded model to one schema after the other, no two the same, and reports the memory of the process: what
 * is kept of schemas that nobody asks for any more shows as growth.
 *
 *     node --expose-gc dist/scripts/schema-memory.js <model.gguf> <mmproj.gguf> [schemas]
 *
 * Every tenth schema has about 100 kB; there are 2000. The last line is JSON: {"schemas": …, "firstRssBytes": …,
 * "lastRssBytes": …}, the first after half of the schemas, when the caches of grammars are full.
 */
import { scriptArguments, usageError } from './arguments.ts';
import { largeSchema } from './bench/large-schema.ts';
import backend from '../backends/node-llama-cpp/index.ts';
import { defaultLoadSettings } from '../src/settings/index.ts';
import type { JsonValue } from '../src/backend/index.ts';
import { greedyRequest } from '../test/engine/greedy.ts';
import { randomSchema } from '../test/engine/schemas/random-schemas.ts';

const [modelPath, mmprojPath, count = '2000'] = scriptArguments({ allowPositionals: true }).positionals;
const { gc } = global;
if (modelPath === undefined || mmprojPath === undefined || gc === undefined) {
  usageError('--expose-gc, a model and its projector are required');
}
const schemas = Number(count);
const quiet = { onProgress: () => undefined, log: () => undefined, signal: new AbortController().signal };
const model = await backend.load(
  { modelPath, mmprojPath },
  // Copies of prompts and answers are kept up to a limit of their own.
  { ...defaultLoadSettings, devices: 'cpu', maxBatchSize: 1, threads: 1, enablePrefixCaching: false },
  quiet,
);

async function answerBy(schema: JsonValue): Promise<void> {
  const request = {
    ...greedyRequest,
    messages: [{ role: 'user', content: [{ type: 'text', text: 'Describe it.' }] }],
    format: { type: 'json-schema', schema, param: 'schema' },
    maxTokens: 16,
  } as const;
  for await (const event of model.generate(request, new AbortController().signal)) if (event.type === 'finish') return;
}

let firstRssBytes = 0;
for (let number = 1; number <= schemas; number++) {
  await answerBy(number % 10 === 0 ? (largeSchema() as JsonValue) : randomSchema(number));
  if (number % Math.ceil(schemas / 20) === 0) {
    gc();
    console.log(`${String(number)} schemas: ${String(Math.round(process.memoryUsage.rss() / 1e6))} MB`);
  }
  if (number === Math.ceil(schemas / 2)) firstRssBytes = process.memoryUsage.rss();
}
gc();
console.log(JSON.stringify({ schemas, firstRssBytes, lastRssBytes: process.memoryUsage.rss() }));
await model.close();
