import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Bench } from '../bench.ts';
import { ask, chat } from '../chat.ts';
import type { Reading } from '../figures.ts';
import { randomText } from '../prompts.ts';
import type { Server } from '../server.ts';

const queuedRequests = 1000;
const promptWords = 12;
const outputTokens = 16;
const maxBatchSize = 4;
/** Until all of them have arrived. */
const headStartMs = 3000;

/**
 * Time to the first text of one tenant's question, alone and behind 1,000 requests of another tenant, told apart by their
 * keys. The latter should be at most twice the former and the time of one request.
 */
export async function twoTenants(bench: Bench): Promise<void> {
  const servers = await bench.servers(['vserve'], maxBatchSize);
  await bench.alternate(
    servers.map((server) => ({
      contender: server.contender,
      pid: server.pid,
      measure: () => askBehindQueue(server),
    })),
  );
}

async function askBehindQueue({ url }: Server): Promise<Reading[]> {
  const question = (key: string, signal?: AbortSignal) =>
    chat(url, [ask(randomText(promptWords))], { maxTokens: outputTokens, key, signal });
  const alone = await question('patient');
  const ended = new AbortController();
  setMaxListeners(0, ended.signal);
  const queue = Array.from({ length: queuedRequests }, () => question('eager', ended.signal));
  for (const request of queue) request.catch(() => undefined); // most of them are aborted
  await delay(headStartMs);
  const loaded = await Promise.race(queue);
  const serviceMs = loaded.endedAtMs - loaded.sentAtMs - loaded.ttftMs;
  const behind = await question('patient');
  ended.abort();
  return [
    { name: 'TTFT of a question', unit: 'ms', value: alone.ttftMs },
    { name: 'TTFT of a question behind 1,000 requests of another tenant', unit: 'ms', value: behind.ttftMs },
    {
      name: 'the same at most: twice alone, and one request under load',
      unit: 'ms',
      value: 2 * alone.ttftMs + serviceMs,
    },
  ];
}
