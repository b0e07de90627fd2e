import { fileURLToPath } from 'node:url';
import type { Bench } from '../bench.ts';
import { ask, chat } from '../chat.ts';
import type { Answer } from '../chat.ts';
import type { Reading } from '../figures.ts';
import { watchMainThread } from '../main-thread.ts';
import { randomText } from '../prompts.ts';
import { startServer } from '../server.ts';
import type { Server } from '../server.ts';
import { median } from '../statistics.ts';

const pacedEcho = fileURLToPath(new URL('../paced-echo.js', import.meta.url));
const streams = 200;
/** Tokens of each of these streams. */
const echoTokens = 100;
/** Pairs of questions, direct and through the hop, of which the median counts. */
const pairs = 7;

/**
 * What a vserve in front of an engine costs (`--backend openai`): time to the first token and between tokens against asking
 * the engine itself, one stream at a time; and the throughput of 200 streams at the pace of 25 tokens a second each, with the
 * CPU time of the hop.
 */
export async function hop(bench: Bench): Promise<void> {
  const [engine] = await bench.servers(['vserve'], 4);
  if (engine === undefined) return;
  const beforeEngine = await startHop(bench, engine.url);
  const echo = await start(bench, ['--backend', pacedEcho]);
  const beforeEcho = await startHop(bench, echo.url);
  try {
    await bench.alternate([
      {
        contender: 'vserve',
        pid: engine.pid,
        measure: () => oneStream(engine, beforeEngine, bench.settings.promptWords, bench.settings.outputTokens),
      },
      { contender: 'vserve', pid: echo.pid, measure: () => manyStreams(echo, beforeEcho) },
    ]);
  } finally {
    for (const server of [beforeEngine, beforeEcho, echo]) await server.stop();
  }
}

function startHop(bench: Bench, upstream: string): Promise<Server> {
  return start(bench, ['--backend', 'openai', '--upstream', upstream]);
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

async function oneStream(direct: Server, through: Server, words: number, maxTokens: number): Promise<Reading[]> {
  const ratios: { readonly ttft: number; readonly itl: number }[] = [];
  for (let pair = 0; pair < pairs; pair += 1) {
    const question = () => [ask(randomText(words))];
    const first = await chat(direct.url, question(), { maxTokens });
    const second = await chat(through.url, question(), { maxTokens });
    ratios.push({ ttft: second.ttftMs / first.ttftMs, itl: itlMs(second) / itlMs(first) });
  }
  return [
    { name: 'TTFT through a vserve in front', unit: '× direct', value: median(ratios.map(({ ttft }) => ttft)) },
    {
      name: 'time between tokens through a vserve in front',
      unit: '× direct',
      value: median(ratios.map(({ itl }) => itl)),
    },
  ];
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
