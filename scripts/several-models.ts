/**
 * Sends mixed requests to a server of several models of which one may be in memory at a time. Each answer must be the one
 * that its model gives alone, and the memory of the process must stay below a limit that has room for one of them only:
 * --limit-mib, or what the largest takes alone, and a quarter more.
 *
 *     node dist/scripts/several-models.js <model> <model> … [--requests 500] [--at-once 16] [--seed 1] [--limit-mib 300]
 *
 * The last line is JSON: {"requests": …, "wrong": …, "loads": …, "seconds": …, "limitMiB": …, "peakMiB": …}. Exits with 1
 * if an answer was wrong or the limit was passed. Linux only: memory is read from /proc.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { scriptArguments, usageError } from './arguments.ts';

const SAMPLE_MS = 50;
const QUESTIONS = ['Count to ten.', 'List three colors.', 'What are you?', 'Say hello world'];
/** Of the memory that the largest model takes alone. */
const SLACK = 1.25;

const { values, positionals: models } = scriptArguments({
  allowPositionals: true,
  options: {
    requests: { type: 'string', default: '500' },
    'at-once': { type: 'string', default: '16' },
    seed: { type: 'string', default: '1' },
    'limit-mib': { type: 'string' },
  },
});
if (models.length < 2) usageError('At least two models are required.');

interface Server {
  readonly url: string;
  readonly pid: number;
  /** How often a model was loaded. */
  readonly loads: () => number;
  stop(): Promise<void>;
}

async function serve(served: readonly string[]): Promise<Server> {
  const program = join(import.meta.dirname, '../../bin/vserve.js');
  const flags = ['--host', '127.0.0.1', '--port', '0', '--metrics-endpoint-port', 'off', '--max-loaded-models', '1'];
  const several = served.length === 1 ? ['--keep-alive', '-1'] : [];
  const args = [program, 'serve', ...served.flatMap((model) => ['--model', model]), ...flags, ...several];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  child.stderr.on('data', (chunk) => (log += String(chunk)));
  const exited = once(child, 'exit');
  const ready = new Promise<string>((resolve) => {
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += String(chunk);
      const url = /Server ready on (\S+) /.exec(text)?.[1];
      if (url !== undefined) resolve(url);
    });
  });
  const url = await Promise.race([ready, exited.then(() => undefined)]);
  if (url === undefined) throw new Error(`vserve ended before it was ready:\n${log}`);
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await exited;
  };
  return { url, pid: child.pid ?? 0, loads: () => log.match(/The model .* was loaded in/g)?.length ?? 0, stop };
}

async function ask(url: string, model: string, content: string): Promise<string> {
  const body = JSON.stringify({ model, messages: [{ role: 'user', content }], temperature: 0, max_tokens: 48 });
  const answer = await fetch(`${url}/v1/chat/completions`, { method: 'POST', body });
  if (!answer.ok) return `${String(answer.status)}: ${await answer.text()}`;
  const { choices } = (await answer.json()) as { choices: [{ message: { content: string } }] };
  return choices[0].message.content;
}

/** Memory of a process at its peak, in bytes: the highest of samples, as mapped files count only while they are there. */
function watch(pid: number): () => number {
  let peak = 0;
  const timer = setInterval(() => {
    void readFile(`/proc/${String(pid)}/status`, 'utf8')
      .then((status) => (peak = Math.max(peak, Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) * 1024)))
      .catch(() => undefined);
  }, SAMPLE_MS);
  return () => {
    clearInterval(timer);
    return peak;
  };
}

const expected = new Map<string, string>();
let largest = 0;
for (const model of models) {
  const server = await serve([model]);
  const peak = watch(server.pid);
  for (const question of QUESTIONS) expected.set(`${model} ${question}`, await ask(server.url, model, question));
  await sleep(2 * SAMPLE_MS);
  largest = Math.max(largest, peak());
  await server.stop();
}

const server = await serve(models);
const peak = watch(server.pid);
const count = Number(values.requests);
let random = Number(values.seed);
const next = (below: number): number => {
  random = (random * 1_103_515_245 + 12_345) % 2 ** 31;
  return Math.floor((random / 2 ** 31) * below);
};
const requests = Array.from({ length: count }, () => ({
  model: models[next(models.length)] ?? '',
  question: QUESTIONS[next(QUESTIONS.length)] ?? '',
}));
const waiting = requests.values();
let wrong = 0;
const startedAtMs = performance.now();
const client = async (): Promise<void> => {
  for (const { model, question } of waiting) {
    const answer = await ask(server.url, model, question);
    if (answer === expected.get(`${model} ${question}`)) continue;
    wrong += 1;
    console.log(`${model}: ${question} ${JSON.stringify(answer)}`);
  }
};
await Promise.all(Array.from({ length: Number(values['at-once']) }, client));
const seconds = (performance.now() - startedAtMs) / 1000;
const peakBytes = peak();
await server.stop();
const limitMib = values['limit-mib'];
const limitBytes = limitMib === undefined ? largest * SLACK : Number(limitMib) * 1024 ** 2;
const mib = (bytes: number): number => Math.round(bytes / 1024 ** 2);
console.log(
  JSON.stringify({
    requests: count,
    wrong,
    loads: server.loads(),
    seconds: Math.round(seconds * 10) / 10,
    limitMiB: mib(limitBytes),
    peakMiB: mib(peakBytes),
  }),
);
process.exitCode = wrong > 0 || peakBytes > limitBytes ? 1 : 0;
