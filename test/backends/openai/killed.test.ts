import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { chatBody, send } from '../../server/support/http.ts';
import type { Edge } from './support/serve-upstreams.ts';
import { serveUpstreams } from './support/serve-upstreams.ts';

const capacity = 4;
const load = { maxBatchSize: capacity, upstreamPolicy: 'round-robin' } as const;

interface UpstreamProcess {
  readonly url: string;
  readonly port: number;
  readonly child: ChildProcess;
}

async function startUpstream(port = 0): Promise<UpstreamProcess> {
  const program = join(import.meta.dirname, 'support/small-upstream.js');
  const child = spawn(process.execPath, [program, String(port)], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [text] = (await once(child.stdout, 'data')) as [Buffer];
  const listening = Number(text.toString());
  return { url: `http://127.0.0.1:${String(listening)}`, port: listening, child };
}

/** Streams for many clients, until there are so many answers: their statuses and texts. */
async function answersOf(edge: Edge, count: number, onAnswer: (answers: number) => void = () => undefined) {
  const texts: string[] = [];
  let asked = 0;
  const clients = Array.from({ length: 2 * capacity }, async () => {
    while (asked < count) {
      asked += 1;
      const body = chatBody(`conversation ${String(asked)}`, { stream: true });
      const { status, text } = await send(`${edge.url}/v1/chat/completions`, { method: 'POST', body });
      texts.push(`${String(status)} ${text}`);
      onAnswer(texts.length);
    }
  });
  await Promise.all(clients);
  return {
    whole: texts.filter((text) => text.includes('[DONE]')),
    failed: texts.filter((text) => !text.includes('[DONE]')),
  };
}

async function untilUp(edge: Edge, url: string, from: number): Promise<void> {
  while (!edge.log.slice(from).some((line) => line.includes(`${url} is up`))) await delay(10);
}

it('of three servers under load one is killed: only what it had begun is lost, and it comes back', async () => {
  const [a, b, c] = await Promise.all([startUpstream(), startUpstream(), startUpstream()]);
  const edge = await serveUpstreams([a.url, b.url, c.url], { healthIntervalMs: 200, load });
  const { whole, failed } = await answersOf(edge, 90, (answers) => {
    if (answers === 30) a.child.kill('SIGKILL');
  });
  // It had no more than it computes at a time, and as many could be written to connections that were just closed.
  expect(failed.length).toBeLessThanOrEqual(2 * capacity);
  for (const text of failed) expect(text).toContain('upstream_failed');
  expect(whole.length + failed.length).toBe(90);

  const from = edge.log.length;
  await startUpstream(a.port);
  await untilUp(edge, a.url, from);
  expect((await answersOf(edge, 30)).failed).toEqual([]);
}, 60_000);

it('of two servers one hangs: new requests go to the other, and what it had fails in time', async () => {
  const [a, b] = await Promise.all([startUpstream(), startUpstream()]);
  const edge = await serveUpstreams([a.url, b.url], {
    healthIntervalMs: 100,
    healthTimeoutMs: 300,
    silenceMs: 2000,
    load,
  });
  const { whole, failed } = await answersOf(edge, 60, (answers) => {
    if (answers === 20) a.child.kill('SIGSTOP');
  });
  for (const text of failed) expect(text).toContain('upstream_timeout');
  expect(whole.length + failed.length).toBe(60);
  expect(whole.length).toBeGreaterThan(20);

  // It is looked after still: what has thawed is used again.
  while (!edge.log.some((line) => line.includes(`${a.url} is down`))) await delay(10);
  const from = edge.log.length;
  a.child.kill('SIGCONT');
  await untilUp(edge, a.url, from);
}, 60_000);
