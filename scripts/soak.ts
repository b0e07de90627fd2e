/**
 * Sends a loaded model a long mix of concurrent requests, many of them aborted at random moments, and checks that nothing
 * is left behind: no sequence, no memory, and the next answer is right.
 *
 *     node --expose-gc dist/scripts/soak.js <model.gguf> <mmproj.gguf> [requests] [seed]
 *
 * The last line is JSON: {"requests", "finished", "cancelled", "firstRssBytes", "lastRssBytes", "answerBefore",
 * "answerAfter", "running", "queued"}; the first RSS is taken after a quarter of the requests.
 */
import { scriptArguments, usageError } from './arguments.ts';
import { Random } from './soak/random.ts';
import backend from '../backends/node-llama-cpp/index.ts';
import { GENERATION_DEFAULTS, SAMPLING_DEFAULTS } from '../src/api/request-defaults.ts';
import type { Bitmap, ContentPart, GenerateRequest, SamplerName } from '../src/backend/index.ts';
import { defaultLoadSettings } from '../src/settings/index.ts';

const [modelPath, mmprojPath, count = '2000', seed = '1'] = scriptArguments({ allowPositionals: true }).positionals;
if (modelPath === undefined || mmprojPath === undefined || global.gc === undefined) {
  usageError('--expose-gc, a model and its projector are required');
}
const requests = Number(count);
const atOnce = 12;
const inOrder: readonly SamplerName[] = ['penalties', 'temperature', 'topK', 'topP', 'minP'];

const numbers = new Random(Number(seed));
const random = (): number => numbers.next();
const pick = <T>(values: readonly T[]): T => numbers.pick(values);

function picture(shade: number): Bitmap {
  const width = 40 + (shade % 7) * 20;
  const height = 30 + (shade % 5) * 30;
  return { width, height, rgb: new Uint8Array(width * height * 3).fill(shade), id: `shade ${String(shade)}` };
}

function mixedRequest(): GenerateRequest {
  const content: ContentPart[] = [];
  for (let images = pick([0, 0, 1, 1, 2]); images > 0; images--) {
    content.push({ type: 'image', image: picture(Math.floor(random() * 40)) });
  }
  content.push({
    type: 'text',
    text: pick(['Hello', 'Tell me a story.', 'What is in this image?', 'word '.repeat(200)]),
  });
  return {
    messages: [{ role: 'user', content }],
    ...GENERATION_DEFAULTS,
    sampling: {
      ...SAMPLING_DEFAULTS,
      temperature: pick([0, 0.7, 1.3]),
      topP: pick([1, 0.9]),
      topK: pick([-1, 40]),
      minP: 0,
      seed: Math.floor(random() * 1000),
      frequencyPenalty: pick([0, 0.5]),
      presencePenalty: 0,
      repetitionPenalty: pick([1, 1.1]),
      samplers: pick([inOrder, ['temperature', 'topK', 'penalties', 'minP', 'topP']]),
    },
    maxTokens: pick([1, 20, 120]),
    stop: pick([[], ['the']]),
    ignoreEos: pick([true, false]),
    template: { variables: {}, addGenerationPrompt: true, continueFinalMessage: false },
    skipSpecialTokens: pick([true, false]),
    cacheSalt: pick(['', '', 'tenant']),
  };
}

const model = await backend.load(
  { modelPath, mmprojPath },
  { ...defaultLoadSettings, maxLength: 1024, maxBatchSize: 6, devices: 'cpu', maxVisionCacheEntries: 16 },
  { onProgress: () => undefined, log: () => undefined, signal: new AbortController().signal },
);

async function run(request: GenerateRequest, giveUpAfter: number): Promise<string> {
  const controller = new AbortController();
  let text = '';
  let events = 0;
  // An abort may come before the prompt is built, while it is queued, or in the middle of the answer.
  if (giveUpAfter === 0) setImmediate(() => controller.abort());
  for await (const event of model.generate(request, controller.signal)) {
    if (event.type === 'text-delta') text += event.text;
    if (++events === giveUpAfter) controller.abort();
  }
  return text;
}

const question: GenerateRequest = {
  ...mixedRequest(),
  messages: [{ role: 'user', content: [{ type: 'text', text: 'What are you?' }] }],
  sampling: { ...SAMPLING_DEFAULTS, temperature: 0, seed: 0 },
  maxTokens: 60,
  stop: [],
  ignoreEos: false,
};
const answerBefore = await run(question, -1);
let started = 0;
let finished = 0;
let cancelled = 0;
let firstRssBytes = 0;

async function worker(): Promise<void> {
  while (started < requests) {
    started++;
    if (started === Math.ceil(requests / 4)) {
      global.gc?.();
      firstRssBytes = process.memoryUsage.rss();
    }
    const giveUpAfter = random() < 0.4 ? Math.floor(random() * 12) : -1;
    try {
      await run(mixedRequest(), giveUpAfter);
      finished++;
    } catch (error) {
      if (giveUpAfter < 0) throw error;
      cancelled++;
    }
  }
}

await Promise.all(Array.from({ length: atOnce }, worker));
while (model.stats().sequencesRunning + model.stats().sequencesQueued > 0) {
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
}
const { sequencesRunning: running, sequencesQueued: queued } = model.stats();
const answerAfter = await run(question, -1);
global.gc();
const lastRssBytes = process.memoryUsage.rss();
await model.close();
console.log(
  JSON.stringify({
    requests,
    finished,
    cancelled,
    firstRssBytes,
    lastRssBytes,
    answerBefore,
    answerAfter,
    running,
    queued,
  }),
);
