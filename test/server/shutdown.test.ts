import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { Gate } from '../support/gate.ts';
import { answerTo, chatBody, openChat, openSocket, rawChat, readUntil } from './support/http.ts';
import { serve } from './support/serve.ts';
import { turnUntil } from './support/turn-until.ts';

const patient = { gracefulShutdownTimeoutS: 3600 };
const impatient = { gracefulShutdownTimeoutS: 0 };
const get = 'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n';

/** A server whose generations wait at a gate before their second word. */
async function serveGated(settings: { gracefulShutdownTimeoutS: number }) {
  const held = new Gate();
  const gate = new Gate();
  const reasons: unknown[] = [];
  const server = await serve({
    settings,
    beforeDelta(index) {
      if (index !== 1) return undefined;
      held.open();
      return gate.opened;
    },
    onEndEarly: (reason) => reasons.push(reason),
  });
  return { ...server, held: held.opened, gate, reasons };
}

async function isRefused(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  return once(socket, 'connect').then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === 'ECONNREFUSED',
  );
}

describe('a shutdown', () => {
  it('refuses new connections, closes idle ones at once, and lets requests in flight end', async () => {
    const { port, url, gate, model, shutdown } = await serveGated(patient);
    const idle = await openSocket(port);
    idle.write(get);
    await readUntil(idle, /200 OK[^]*\r\n\r\n\{"status":"ok"\}$/);
    const streaming = await answerTo(openChat(url, 'one two', { stream: true }));
    const pending = answerTo(openChat(url, 'three four'));
    await turnUntil(() => model.stats().sequencesRunning === 2);

    const stopped = shutdown();
    await once(idle.resume(), 'close');
    expect(await isRefused(port)).toBe(true);
    gate.open();
    expect(await text(streaming)).toMatch(/"two"[^]*data: \[DONE\]\n\n$/);
    const answer = await pending;
    expect([answer.statusCode, await text(answer)]).toEqual([200, expect.stringContaining('three four')]);
    await stopped;
  });

  it('aborts what is left when the time is over: an error answer, or an error event', async () => {
    const { url, reasons, model, log, shutdown } = await serveGated(impatient);
    const streaming = await answerTo(openChat(url, 'one two', { stream: true }));
    const pending = answerTo(openChat(url, 'three four'));
    await turnUntil(() => model.stats().sequencesRunning === 2);

    const stopped = shutdown();
    expect(await text(streaming)).toMatch(
      /"one "[^]*\n\ndata: \{"error":\{"code":"shutting_down","message":"[^"]+","param":null,"type":"api_error"\}\}\n\n$/,
    );
    const answer = await pending;
    expect(answer.statusCode).toBe(503);
    expect(JSON.parse(await text(answer))).toMatchObject({ error: { code: 'shutting_down', type: 'api_error' } });
    await stopped;
    const shuttingDown: unknown = expect.objectContaining({ code: 'shutting_down' });
    expect(reasons).toEqual([shuttingDown, shuttingDown]);
    // Who stops a server knows that.
    expect(log.join('\n')).toMatch(/^info \S+ ended after the response had started: shutting_down/m);
    expect(model.stats()).toEqual({ sequencesRunning: 0, sequencesQueued: 0 });
  });

  it('begins no request any more, also not on a connection that is open', async () => {
    const { port, held, gate, log, shutdown, generateRequests } = await serveGated(patient);
    const socket = await openSocket(port);
    socket.write(rawChat(chatBody('one two')));
    await held;
    const stopped = shutdown();
    socket.write(rawChat(chatBody('late')));
    await turnUntil(() => log.some((line) => line.includes(' 503 ')));
    gate.open();
    const answers = await readUntil(socket, /\}[^]*HTTP\/1\.1[^]*\}$/);
    expect(answers).toMatch(/HTTP\/1\.1 200 [^]*one two[^]*HTTP\/1\.1 503 [^]*shutting_down/);
    await stopped;
    expect(generateRequests).toHaveLength(1);
  });

  it('tells who asks over a kept connection in that moment to go elsewhere, and ends the connection', async () => {
    const { port, generateRequests, shutdown } = await serve({ settings: patient, quietMs: 100 });
    const socket = await openSocket(port);
    socket.write(get);
    await readUntil(socket, /\{"status":"ok"\}$/);
    const stopped = shutdown();
    socket.write(rawChat(chatBody('late')));
    const answer = await text(socket);
    expect(answer).toMatch(/^HTTP\/1\.1 503 [^]*shutting_down/);
    expect(answer).toMatch(/^connection: close\r$/im);
    expect(answer).toMatch(/^retry-after: \d+\r$/im);
    await stopped;
    expect(generateRequests).toEqual([]);
  });

  it('does not wait for the rest of a body longer than for an answer', async () => {
    const { port, log, shutdown } = await serve({ settings: impatient });
    const socket = await openSocket(port);
    socket.write(
      'POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n{',
    );
    await readUntil(socket, /100 Continue/);
    const stopped = shutdown();
    expect(await readUntil(socket, /\}$/)).toMatch(/^HTTP\/1\.1 503 [^]*shutting_down/);
    socket.destroy();
    await stopped;
    expect(log).toHaveLength(1);
  });

  it('waits for no client that does not read', async () => {
    const { url, model, shutdown } = await serve({ settings: impatient, maxLength: 100_000 });
    const word = 'x'.repeat(10_000);
    const fields = { stream: true, ignore_eos: true, max_tokens: 20_000 };
    for (let i = 0; i < 3; i += 1) (await answerTo(openChat(url, word, fields))).on('error', () => undefined).pause();
    await shutdown();
    expect(model.stats()).toEqual({ sequencesRunning: 0, sequencesQueued: 0 });
  });

  it('waits for no body that comes a byte at a time, nor for what waits behind others', async () => {
    const gate = new Gate();
    const { url, port, log, requestsInFlight, shutdown } = await serve({
      maxBatchSize: 1,
      settings: { ...impatient, maxRequestMemoryBytes: 1_000_000 },
      beforeStart: () => gate.opened,
    });
    const answers = Array.from({ length: 4 }, () => answerTo(openChat(url, 'hi')));
    const trickling = await openSocket(port);
    const large = await Promise.all([openSocket(port), openSocket(port)]);
    trickling.write('POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{');
    for (const socket of large) {
      socket.write('POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 800000\r\n\r\n');
      socket.write(' '.repeat(799_999));
    }
    const more = setInterval(() => trickling.write(' '), 1);
    await turnUntil(() => trickling.bytesWritten > 100 && requestsInFlight() === 7);
    await shutdown();
    clearInterval(more);
    for (const answer of answers) expect((await answer).statusCode).toBe(503);
    expect(log.filter((line) => line.includes(' 503 '))).toHaveLength(7);
  });

  it('waits for no connection that asks nothing, or only half of something', async () => {
    const { port, shutdown } = await serve({ settings: patient });
    const silent = await openSocket(port);
    const slow = await openSocket(port);
    slow.write('POST /v1/chat/completions HTTP/1.1\r\nHost:');
    const half = await openSocket(port);
    half.write(`${get}GET /health HTTP/1.1\r\n`);
    await readUntil(half, /200 OK/);
    const closed = Promise.all([silent, slow, half].map((socket) => once(socket.resume(), 'close')));
    await Promise.all([shutdown(), closed]);
  });

  it('is over at once when nothing is going on, and a second one too', async () => {
    const { shutdown } = await serve({ settings: patient });
    await shutdown();
    await shutdown();
  });
});
