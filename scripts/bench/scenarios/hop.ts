import { fileURLToPath } from 'node:url';
import type { Bench } from '../bench.ts';
import { ask, chat } from '../chat.ts';
import type { Answer, Message } from '../chat.ts';
import type { Reading } from '../figures.ts';
import { watchMainThread } from '../main-thread.ts';
import { randomPicture, randomText } from '../prompts.ts';
import { startServer } from '../server.ts';
import type { Server } from '../server.ts';
import { median } from '../statistics.ts';

const pacedEcho = fileURLToPath(new URL('../paced-echo.js', import.meta.url));
const slowEcho = fileURLToPath(new URL('../slow-echo.js', import.meta.url));
const streams = 200;
/** Tokens of each of these streams. */
const echoTokens = 100;
/** An answer of the engine, and one through the hop. */
type Pair = readonly [Answer, Answer];

/** Pairs of questions, direct and through the hop, of which the median counts. */
const pairs = 7;
/** Questions before that, to each: JavaScript is compiled while it runs, and what counts is a server that has run for some minutes. */
const warmUps = 300;
/** Streams before three upstreams, of which one is slow; and the tokens of each. */
const sharedStreams = 48;
const sharedTokens = 10;
/** Between two tokens of a stream of the slow one, and of no other. */
const slowMs = 400;

/**
 * What a vserve in front of an engine costs (`--backend openai`): time to the first token and between tokens against asking
 * the engine itself, one stream at a time; the throughput of 200 streams at the pace of 25 tokens a second each, with the
 * CPU time of the hop; and what an upstream that is twenty times as slow does to the streams of two others.
 */
export async function hop(bench: Bench): Promise<void> {
  const [engine] = await bench.servers(['vserve'], 4);
  if (engine === undefined) return;
  const echoes = await Promise.all([pacedEcho, pacedEcho, slowEcho].map((path) => start(bench, ['--backend', path])));
  const [echo, other, slow] = echoes;
  if (echo === undefined || other === undefined || slow === undefined) return;
  const beforeEngine = await startHop(bench, engine);
  const beforeEcho = await startHop(bench, echo);
  const beforeTwo = await startHop(bench, echo, other);
  const beforeThree = await startHop(bench, echo, other, slow);
  try {
    for (const server of [engine, beforeEngine, echo, beforeEcho]) await warmUp(server);
    await bench.alternate([
      {
        contender: 'vserve',
        pid: engine.pid,
        measure: () => oneStream(engine, beforeEngine, bench),
      },
      { contender: 'vserve', pid: echo.pid, measure: () => manyStreams(echo, beforeEcho) },
      { contender: 'vserve', pid: beforeThree.pid, measure: () => besideSlow(beforeTwo, beforeThree) },
    ]);
  } finally {
    for (const server of [beforeEngine, beforeEcho, beforeTwo, beforeThree, ...echoes]) await server.stop();
  }
}

async function warmUp({ url }: Server): Promise<void> {
  for (let question = 0; question < warmUps; question += 1) await chat(url, [ask(randomText(4))], { maxTokens: 2 });
}

function startHop(bench: Bench, ...upstreams: readonly Server[]): Promise<Server> {
  return start(bench, ['--backend', 'openai', ...upstreams.flatMap(({ url }) => ['--upstream', url])]);
}

function start(bench: Bench, flags: readonly string[]): Promise<Server> {
  const where = ['--host', '127.0.0.1', '--metrics-endpoint-port', 'off'];
  const common = [...where, '--served-model-name', 'bench', '--max-batch-size', '256', '--log-level', 'ERROR'];
  return startServer('vserve', (port) => [
    process.execPath,
    bench.settings.vservePath,
    'serve',
    '--port',
    String(port),
    ...common,
    ...flags,
  ]);
}

async function oneStream(direct: Server, through: Server, { settings }: Bench): Promise<Reading[]> {
  const { promptWords, outputTokens, model } = settings;
  const about = async (maxTokens: number, question: () => Promise<readonly Message[]>): Promise<readonly Pair[]> => {
    const asked: Pair[] = [];
    for (let pair = 0; pair < pairs; pair += 1) {
      const first = await chat(direct.url, await question(), { maxTokens });
      asked.push([first, await chat(through.url, await question(), { maxTokens })]);
    }
    return asked;
  };
  const text = await about(outputTokens, () => Promise.resolve([ask(randomText(promptWords))]));
  const picture = await about(4, async () => [ask(await randomPicture(model.imageSize), randomText(promptWords))]);
  return [
    ratio('TTFT', text, ({ ttftMs }) => ttftMs),
    ratio('TTFT about a new image', picture, ({ ttftMs }) => ttftMs),
    ratio('time between tokens', text, itlMs),
  ];
}

/** The median over all pairs. */
function ratio(name: string, asked: readonly Pair[], of: (answer: Answer) => number): Reading {
  return {
    name: `${name} through a vserve in front`,
    unit: '× direct',
    value: median(asked.map(([first, second]) => of(second) / of(first))),
  };
}

function itlMs({ textAtMs }: Answer): number {
  return ((textAtMs.at(-1) ?? NaN) - (textAtMs[0] ?? NaN)) / (textAtMs.length - 1);
}

async function manyStreams(direct: Server, through: Server): Promise<Reading[]> {
  const before = await tokensPerSecond(direct);
  const cpuUs = watchMainThread(through.pid);
  const after = await tokensPerSecond(through);
  const chunks = streams * echoTokens;
  return [
    { name: `output of ${String(streams)} streams through a vserve in front`, unit: '× direct', value: after / before },
    ...(cpuUs === undefined
      ? []
      : [{ name: 'CPU time of that vserve for 1,000 chunks', unit: 'ms' as const, value: cpuUs() / chunks }]),
  ];
}

async function tokensPerSecond({ url }: Server): Promise<number> {
  const sentAtMs = performance.now();
  const answers = await Promise.all(
    Array.from({ length: streams }, () => chat(url, [ask(randomText(12))], { maxTokens: echoTokens })),
  );
  const tokens = answers.reduce((sum, { completionTokens }) => sum + completionTokens, 0);
  return (1000 * tokens) / (Math.max(...answers.map(({ endedAtMs }) => endedAtMs)) - sentAtMs);
}

/** Of the streams that the fast upstreams have. */
async function besideSlow(without: Server, beside: Server): Promise<Reading[]> {
  const alone = await fastGapsMs(without, sharedStreams);
  const shared = await fastGapsMs(beside, sharedStreams);
  const name = 'time between tokens (p99) of streams of two upstreams beside a slow one';
  return [{ name, unit: '× without', value: p99(shared) / p99(alone) }];
}

/** Gaps between the tokens of all streams but those of the slow upstream. */
async function fastGapsMs({ url }: Server, count: number): Promise<number[]> {
  const answers = await Promise.all(
    Array.from({ length: count }, () => chat(url, [ask(randomText(12))], { maxTokens: sharedTokens })),
  );
  return answers.filter((answer) => itlMs(answer) < slowMs).flatMap(({ textAtMs }) => gaps(textAtMs));
}

function gaps(times: readonly number[]): number[] {
  return times.slice(1).map((time, i) => time - (times[i] ?? time));
}

function p99(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(0.99 * values.length)] ?? NaN;
}
