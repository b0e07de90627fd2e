import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { chatBody, send } from '../../server/support/http.ts';
import { startVserve } from '../../support/vserve-process.ts';
import type { Edge } from './support/serve-upstreams.ts';
import { serveUpstreams } from './support/serve-upstreams.ts';

const capacity = 4;
const words = 'one two three four five six seven eight nine ten';

async function startEcho(port = 0) {
  const backend = join(import.meta.dirname, 'support/paced-echo.js');
  const flags = ['--backend', backend, '--max-batch-size', String(capacity), '--metrics-endpoint-port', 'off'];
  const server = await startVserve([...flags, '--port', String(port)], {});
  onTestFinished(() => void server.stop('SIGKILL'));
  return server;
}

/** Streams from many clients until `isOver`; the texts of the answers. */
async function load(edge: Edge, clients: number, isOver: () => boolean, onAnswer: () => void): Promise<string[]> {
  const texts: string[] = [];
  await Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      for (let turn = 0; !isOver(); turn += 1) {
        const body = chatBody(`${String(client)} ${String(turn)} ${words}`, { stream: true });
        const { status, text } = await send(`${edge.url}/v1/chat/completions`, { method: 'POST', body });
        texts.push(`${String(status)} ${text}`);
        onAnswer();
      }
    }),
  );
  return texts;
}

it('of three servers under load one is killed: only what it had begun is lost, and it comes back', async () => {
  const [a, b, c] = await Promise.all([startEcho(), startEcho(), startEcho()]);
  const edge = await serveUpstreams([a.url, b.url, c.url], { healthIntervalMs: 200, load: { upstreamPolicy: 'affinity' } });
  let answers = 0;
  let killing: Promise<unknown> | undefined;
  const texts = await load(
    edge,
    3 * capacity,
    () => answers >= 150,
    () => {
      answers += 1;
      if (answers === 50) killing = a.stop('SIGKILL');
    },
  );
  await killing;
  const failed = texts.filter((text) => !text.includes('[DONE]'));
  // It had no more than it computes at a time, and as many could be written to connections that were just closed.
  expect(failed.length).toBeLessThanOrEqual(2 * capacity);
  for (const text of failed) expect(text).toContain('upstream_failed');
  expect(texts.length).toBeGreaterThanOrEqual(150);
  expect(texts.filter((text) => text.startsWith('200') && text.includes('[DONE]')).length).toBe(texts.length - failed.length);

  const since = edge.log.length;
  await startEcho(Number(new URL(a.url).port));
  while (!edge.log.slice(since).some((line) => line.includes(`${a.url} is up`))) await delay(10);
  const again = await load(edge, 3 * capacity, () => answers >= 250, () => (answers += 1));
  expect(again.every((text) => text.includes('[DONE]'))).toBe(true);
}, 30_000);

it('of two servers one hangs: new requests go to the others, and what it had fails in time', async () => {
  const [a, b] = await Promise.all([startEcho(), startEcho()]);
  const edge = await serveUpstreams([a.url, b.url], {
    healthIntervalMs: 100,
    healthTimeoutMs: 300,
    silenceMs: 3000,
    load: { upstreamPolicy: 'round-robin' },
  });
  let answers = 0;
  const texts = await load(
    edge,
    2 * capacity,
    () => answers >= 100,
    () => {
      answers += 1;
      if (answers === 20) process.kill(a.pid, 'SIGSTOP');
    },
  );
  const failed = texts.filter((text) => !text.includes('[DONE]'));
  for (const text of failed) expect(text).toContain('upstream_timeout');
  const since = edge.log.length;
  process.kill(a.pid, 'SIGCONT');
  while (!edge.log.slice(since).some((line) => line.includes(`${a.url} is up`))) await delay(10);
}, 30_000);
