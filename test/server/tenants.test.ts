import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Admission } from '../../src/server/admission.ts';
import type { Place } from '../../src/server/admission.ts';
import type { ClientPath } from '../../src/server/fair-turns.ts';
import { Gate } from '../support/gate.ts';
import { answerTo, chatBody, openChat, openSocket, rawChat, readUntil, send } from './support/http.ts';
import { serve } from './support/serve.ts';
import { turnUntil } from './support/turn-until.ts';

const { signal } = new AbortController();

/** How the server tells clients apart, from their headers. */
async function pathsOf(
  settings: Parameters<typeof serve>[0] & object,
  ...headers: readonly Readonly<Record<string, string>>[]
): Promise<readonly ClientPath[]> {
  const server = await serve(settings);
  for (const sent of headers) {
    const body = chatBody('hi');
    expect((await send(`${server.url}/v1/chat/completions`, { method: 'POST', headers: sent, body })).status).toBe(200);
  }
  return server.generateRequests.map(({ client }) => client ?? []);
}

/** Puts requests into a queue, and tells whose turn it was. */
function recordedQueue(admission: Admission) {
  const order: string[] = [];
  const running: Place[] = [];
  return {
    order,
    join(client: ClientPath): void {
      const place = admission.join(client);
      const run = async (): Promise<void> => {
        await place.toGenerate(signal);
        order.push(client[0] ?? '');
        running.push(place);
      };
      void run();
    },
    /** Ends the request that has been with the backend for longest. */
    async finishOne(): Promise<void> {
      await new Promise((resolve) => setImmediate(resolve));
      running.shift()?.leave();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

/** The headers of a proxy, and of the client behind it. */
function forwarded(address: string, key?: string): Record<string, string> {
  return { 'x-forwarded-for': address, ...(key === undefined ? {} : { 'x-api-key': key }) };
}

describe('two tenants', () => {
  it('are told apart by their keys, wherever they call from', async () => {
    const settings = { settings: { apiKeys: ['a', 'b'], trustedProxies: ['127.0.0.1'] } };
    const [one, other, same] = await pathsOf(
      settings,
      forwarded('192.0.2.1', 'a'),
      forwarded('192.0.2.1', 'b'),
      forwarded('192.0.2.2', 'a'),
    );
    expect(one?.[0]).not.toBe(other?.[0]);
    expect(one?.[0]).toBe(same?.[0]);
    expect(one?.[1]).not.toBe(same?.[1]);
  });

  it.each([
    ['the last address that no proxy has', ['127.0.0.0/8'], '203.0.113.9, 192.0.2.1', '192.0.2.1'],
    ['the one before trusted proxies', ['127.0.0.1', '10.0.0.0/8'], '203.0.113.9, 192.0.2.1, 10.0.0.7', '192.0.2.1'],
    ['a port left out', ['127.0.0.1'], '192.0.2.1:4711', '192.0.2.1'],
    ['IPv6 in brackets', ['127.0.0.1'], '[2001:db8::1]:4711', '2001:db8::2'],
  ])('are told apart behind a proxy by their addresses: %s', async (_, trustedProxies, one, same) => {
    const settings = { settings: { trustedProxies } };
    const paths = await pathsOf(settings, forwarded(one), forwarded(same), forwarded('198.51.100.1'));
    expect(paths[0]).toEqual(paths[1]);
    expect(paths[0]).not.toEqual(paths[2]);
  });

  it.each([
    ['by nobody', []],
    ['by another proxy', ['192.0.2.0/24', 'unix']],
  ])('cannot invent addresses where the proxy is trusted %s', async (_, trustedProxies) => {
    const [one, other] = await pathsOf(
      { settings: { trustedProxies } },
      forwarded('192.0.2.1'),
      forwarded('192.0.2.2'),
    );
    expect(one).toEqual(other);
  });

  it('take turns: a question waits for one request of the 1,000 that were there before', async () => {
    const queue = recordedQueue(new Admission({ maxBatchSize: 4, maxQueueSize: undefined }));
    for (let i = 0; i < 1000; i += 1) queue.join(['a', `address ${i % 200}`]);
    for (let i = 0; i < 10; i += 1) {
      await queue.finishOne();
      queue.join(['b', 'address']);
      const before = queue.order.length;
      await queue.finishOne();
      expect(queue.order.slice(before)).toEqual(['b']);
    }
  });
});

describe('a server at its limit', () => {
  it('is so at --max-pending-requests, whatever may wait', async () => {
    const gate = new Gate();
    const settings = { maxPendingRequests: 2, maxQueueSize: 10 };
    const server = await serve({ maxBatchSize: 1, settings, beforeStart: () => gate.opened });
    const answers = [answerTo(openChat(server.url, 'one')), answerTo(openChat(server.url, 'two'))];
    await turnUntil(() => server.generateRequests.length === 2);
    const refused = await send(`${server.url}/v1/chat/completions`, { method: 'POST', body: chatBody('three') });
    expect(refused.status).toBe(429);
    gate.open();
    for (const answer of answers) expect((await answer).statusCode).toBe(200);
  });

  it('says when to come back: once the queue is worked off, by the times that requests took', async () => {
    const clock = vi.spyOn(performance, 'now').mockReturnValue(0);
    onTestFinished(() => clock.mockRestore());
    const admission = new Admission({ maxBatchSize: 2, maxQueueSize: 5 });
    const queue = recordedQueue(admission);
    const retryAfterS = (): unknown => {
      try {
        return admission.requireRoom() ?? 'room';
      } catch (error) {
        return (error as { retryAfterS: unknown }).retryAfterS;
      }
    };
    for (let i = 0; i < 7; i += 1) queue.join(['a']);
    await queue.finishOne();
    queue.join(['a']);
    // Nothing is known yet but that none has taken longer.
    expect(retryAfterS()).toBe(1);
    clock.mockReturnValue(6000);
    await queue.finishOne();
    queue.join(['a']);
    clock.mockReturnValue(60_000);
    // One took no time, one 6 s; four wait beyond the three with the backend.
    expect(retryAfterS()).toBe(2);
    for (let i = 0; i < 200; i += 1) {
      clock.mockReturnValue(60_000 + i * 3900);
      await queue.finishOne();
      queue.join(['a']);
    }
    // Three at a time with the backend, of which one ends every 3.9 s: each takes 11.7.
    expect(retryAfterS()).toBe(30);
  });

  it('says so, too, when it ends', async () => {
    const gate = new Gate();
    const server = await serve({ settings: { gracefulShutdownTimeoutS: 30 }, beforeStart: () => gate.opened });
    const socket = await openSocket(server.port);
    socket.write(rawChat(chatBody('one')));
    await turnUntil(() => server.generateRequests.length === 1);
    const stopped = server.shutdown();
    socket.write(rawChat(chatBody('two')));
    socket.write('GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await turnUntil(() => server.log.filter((line) => line.includes(' 503 ')).length === 2);
    gate.open();
    const read = await readUntil(socket, /"draining"\}$/);
    expect(read).toMatch(/503 [^]*retry-after: (?:30|29)\r\n[^]*shutting_down[^]*503 [^]*retry-after: (?:30|29)\r\n/);
    await stopped;
  });
});
