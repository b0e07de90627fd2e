/**
 * Keeps a server busy with clients of all formats at once, and with such as nobody wants: they leave at any moment, read
 * slowly, send bodies that are wrong or never complete, or no HTTP at all. Then checks that no answer was an error of the
 * server, that no slot, connection or request is left behind, that memory has not grown, and that the server answers as it
 * did before. What is sent depends on the seed and the order of answers. Linux only.
 *
 *     node dist/scripts/soak-api.js [--minutes 20 | --requests 200] [--streams 16] [--seed 1] [--threads n] [--model <path or id>]
 *
 * Without a model it is the embedded one, converted to a temporary folder. The last line is JSON: {"requests", "statuses",
 * "left", "failures", "stuck", "answersAsBefore", "samples": [{"rssBytes", "heapBytes", "openFiles"}: at the start, after
 * each quarter, and at the end]}. Exits with 1 if something was wrong; memory is judged in runs of 5 minutes and more, which
 * begin when the caches are full.
 */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { scriptArguments, usageError } from './arguments.ts';
import { Random } from './soak/random.ts';
import { randomRequest } from './soak/requests.ts';
import type { SoakMaterial } from './soak/requests.ts';
import type { Manner, Outcome } from './soak/send.ts';
import { send, sendRaw } from './soak/send.ts';
import { rawConnection, spoilt } from './soak/spoil.ts';
import type { Sample } from './soak/watch.ts';
import { becomesTrue, ProcessWatch } from './soak/watch.ts';
import { startVserve } from '../test/support/vserve-process.ts';

const root = join(import.meta.dirname, '../..');
const { values } = scriptArguments({
  options: {
    minutes: { type: 'string' },
    requests: { type: 'string' },
    streams: { type: 'string', default: '16' },
    seed: { type: 'string', default: '1' },
    threads: { type: 'string' },
    model: { type: 'string', default: join(root, 'test/models/shapes-vlm') },
    mmproj: { type: 'string' },
  },
});
if (values.minutes !== undefined && values.requests !== undefined) usageError('Give --minutes or --requests.');
const durationMs = values.requests === undefined ? Number(values.minutes ?? 20) * 60_000 : Infinity;
const mostRequests = Number(values.requests ?? Infinity);

const MANNERS: readonly Manner[] = [
  'whole',
  'whole',
  'whole',
  'slow',
  'gzip',
  'leaves',
  'leaves',
  'leaves in its body',
];
/** How often a body is spoilt, and a connection is no HTTP. */
const SPOILT = 0.15;
const RAW = 0.05;
/** Requests that end by themselves end within this time. */
const DRAIN_MS = 60_000;
/** What memory may grow by after the first quarter, in a run that is long enough to tell. */
const JUDGED_MS = 5 * 60_000;
const MOST_GROWTH = 1.1;
const MOST_GROWTH_BYTES = 32e6;
/** Prompts that fill the copies of KV cells, the last cache to be full: then memory has nothing more to grow into. */
const FILLING_PROMPTS = 250;
const FILLING_WORDS = 1000;
const WORDS = ['red', 'blue', 'circle', 'square', 'star', 'left', 'right', 'top', 'green', 'one', 'two', 'three'];
/** Connections that are being closed, and files that a thread has open for a moment. */
const SPARE_FILES = 8;

const home = await mkdtemp(join(tmpdir(), 'vserve-soak-'));
const server = await startVserve(
  [
    `--model=${values.model}`,
    ...(values.mmproj === undefined ? [] : [`--mmproj=${values.mmproj}`]),
    ...(values.threads === undefined ? [] : [`--threads=${values.threads}`, `--threads-batch=${values.threads}`]),
    '--devices=cpu',
    '--max-length=2048',
    '--max-batch-size=6',
    '--embeddings',
    '--slots',
    '--metrics-endpoint-port=off',
    '--max-stored-responses=50',
  ],
  { VSERVE_HOME: home, NODE_OPTIONS: '--inspect=127.0.0.1:0' },
  join(root, 'bin/vserve.js'),
);
// Also when this script fails.
process.once('exit', () => void server.stop('SIGKILL'));
const watch = await ProcessWatch.open(server.pid, server.stderr());

function dataUri(name: string, type: string): string {
  const bytes = readFileSync(join(root, 'test/fixtures/shapes-vlm-reference', name));
  return `data:image/${type};base64,${bytes.toString('base64')}`;
}

const picture = dataUri('000-0.png', 'png');
const material: SoakMaterial = {
  pictures: [picture, dataUri('001-0.jpg', 'jpeg'), dataUri('002-0.png', 'png'), dataUri('003-0.png', 'png')],
  responseIds: [],
};
const statuses = new Map<number, number>();
const failures: string[] = [];
const samples: Sample[] = [];
let requests = 0;
let left = 0;
/** Samples that were begun; the first is taken before the first client comes. */
let sampled = 1;

/** A greedy answer to a question that nothing before it can change. */
async function question(): Promise<string> {
  const body = {
    messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: picture } }] }],
    temperature: 0,
    max_tokens: 20,
  };
  const { text } = await send(
    server.url,
    { method: 'POST', path: '/v1/chat/completions', body },
    'whole',
    new Random(0),
  );
  return (JSON.parse(text) as { choices: { message: { content: string } }[] }).choices[0]?.message.content ?? '';
}

async function fillCaches(): Promise<void> {
  const random = new Random(Number(values.seed));
  for (let i = 0; i < FILLING_PROMPTS; i += 1) {
    const prompt = Array.from({ length: FILLING_WORDS }, () => random.pick(WORDS)).join(' ');
    const body = { prompt, max_tokens: 1 };
    await send(server.url, { method: 'POST', path: '/v1/completions', body }, 'whole', random);
  }
}

async function one(random: Random): Promise<Outcome> {
  if (random.chance(RAW)) return sendRaw(server.url, rawConnection(random), random);
  const request = randomRequest(random, material);
  const isSpoilt = request.body !== undefined && random.chance(SPOILT);
  const body = isSpoilt ? spoilt(request.body ?? {}, random) : undefined;
  // A spoilt body may ask for an answer in one piece.
  const expected = isSpoilt ? { ...request, end: undefined } : request;
  const outcome = await send(server.url, expected, random.pick(MANNERS), random, body);
  const id = request.path === '/v1/responses' ? /"id":"(resp_\w+)"/.exec(outcome.text)?.[1] : undefined;
  if (id !== undefined) material.responseIds.push(id);
  return outcome;
}

const isJudged = values.requests === undefined && durationMs >= JUDGED_MS;
if (isJudged) await fillCaches();
const startMs = performance.now();
/** How much of the run is over, from 0 to 1. */
const progress = (): number => Math.max((performance.now() - startMs) / durationMs, requests / mostRequests);

async function client(seed: number): Promise<void> {
  const random = new Random(seed);
  while (progress() < 1) {
    requests += 1;
    const { status, failure } = await one(random);
    if (status === undefined) left += 1;
    else statuses.set(status, (statuses.get(status) ?? 0) + 1);
    if (failure !== undefined) failures.push(failure);
    if (progress() < 1 && progress() >= sampled / 4) {
      sampled += 1;
      samples.push(await watch.sample());
    }
  }
}

async function isIdle(): Promise<boolean> {
  const { text } = await send(server.url, { method: 'GET', path: '/slots' }, 'whole', new Random(0));
  return (JSON.parse(text) as { is_processing: boolean }[]).every((slot) => !slot.is_processing);
}

/** Undefined if it has not, or the run is too short to tell. */
function hasGrown(): string | undefined {
  if (!isJudged) return undefined;
  const [, early] = samples;
  const late = samples.at(-1);
  for (const name of ['rssBytes', 'heapBytes'] as const) {
    const [from = 0, to = 0] = [early?.[name], late?.[name]];
    if (to > from * MOST_GROWTH + MOST_GROWTH_BYTES) return `${name} have grown from ${String(from)} to ${String(to)}`;
  }
  return undefined;
}

const before = await question();
samples.push(await watch.sample());
await Promise.all(Array.from({ length: Number(values.streams) }, (_, i) => client(Number(values.seed) * 1000 + i)));
const stuck: string[] = [];
if (!(await becomesTrue(isIdle, DRAIN_MS))) stuck.push('slots are in use');
const filesAtStart = samples[0]?.openFiles ?? 0;
const isClosed = async (): Promise<boolean> => (await watch.sample()).openFiles <= filesAtStart + SPARE_FILES;
if (!(await becomesTrue(isClosed, DRAIN_MS))) stuck.push('files are open');
samples.push(await watch.sample());
const growth = hasGrown();
if (growth !== undefined) failures.push(growth);
const answersAsBefore = (await question()) === before;
watch.close();
const exit = await server.stop('SIGTERM');
if (exit !== 0) failures.push(`the server ended with ${String(exit)}: ${server.stderr().slice(-1000)}`);
await rm(home, { recursive: true, force: true });
console.log(
  JSON.stringify({
    requests,
    statuses: Object.fromEntries([...statuses].toSorted(([a], [b]) => a - b)),
    left,
    failures: failures.slice(0, 20),
    stuck,
    answersAsBefore,
    samples,
  }),
);
process.exitCode = failures.length === 0 && stuck.length === 0 && answersAsBefore ? 0 : 1;
