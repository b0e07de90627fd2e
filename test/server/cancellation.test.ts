import { once } from 'node:events';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { VserveError } from '../../src/errors/index.ts';
import { Gate } from '../support/gate.ts';
import { answerTo, chatBody, openChat, openSocket, rawChat, readUntil } from './support/http.ts';
import { serve } from './support/serve.ts';
import { turnUntil } from './support/turn-until.ts';

/** A server whose first generation says where it stands, and is held there until its client leaves. */
async function serveHeld(heldAt: 'start' | 'delta', options: { maxBatchSize?: number } = {}) {
  const held = new Gate();
  const ended = new Gate();
  const reasons: unknown[] = [];
  let generations = 0;
  const hold = (): Promise<void> | undefined => {
    if ((generations += 1) > 1) return undefined;
    held.open();
    return new Promise(() => undefined);
  };
  const server = await serve({
    ...options,
    ...(heldAt === 'start' ? { beforeStart: hold } : { beforeDelta: hold }),
    onEndEarly(reason) {
      reasons.push(reason);
      ended.open();
    },
  });
  return { ...server, held: held.opened, ended: ended.opened, reasons };
}

const cancelled = expect.objectContaining({ code: 'request_cancelled' }) as VserveError;
const idle = { sequencesRunning: 0, sequencesQueued: 0 };

describe('a client that leaves', () => {
  it('ends its generation while it streams', async () => {
    const { url, held, ended, reasons, model, log } = await serveHeld('delta');
    const request = openChat(url, 'one two', { stream: true });
    await Promise.all([answerTo(request), held]);
    request.destroy();
    await ended;
    expect(reasons).toEqual([cancelled]);
    expect(model.stats()).toEqual(idle);
    const ending = /info \S+ ended after the response had started: request_cancelled: The client disconnected/;
    await turnUntil(() => log.some((line) => ending.test(line)));
    expect(log.join('\n')).not.toContain('warning');
  });

  it('ends its generation before the stream begins', async () => {
    const { url, held, ended, reasons, model } = await serveHeld('start');
    const request = openChat(url, 'one two', { stream: true });
    await held;
    request.destroy();
    await ended;
    expect(reasons).toEqual([cancelled]);
    expect(model.stats()).toEqual(idle);
  });

  it.each(['start', 'delta'] as const)('ends its generation while the answer is pending (%s)', async (heldAt) => {
    const { url, held, ended, reasons, model, log } = await serveHeld(heldAt);
    const request = openChat(url, 'one two');
    await held;
    request.destroy();
    await ended;
    expect(reasons).toEqual([cancelled]);
    expect(model.stats()).toEqual(idle);
    await turnUntil(() => log.length > 0);
    expect(log[0]).toMatch(
      /^info \S+ POST \/v1\/chat\/completions 499 \S+ ms.* request_cancelled: The client disconnected/,
    );
  });

  it("ends OpenAI's stream with its abort", async () => {
    const { client, ended, reasons } = await serveHeld('delta');
    const messages = [{ role: 'user', content: 'one two' }] as const;
    const stream = await client.chat.completions.create({ model: '', messages: [...messages], stream: true });
    for await (const chunk of stream) {
      expect(chunk.choices[0]?.delta.role).toBe('assistant');
      stream.controller.abort();
    }
    await ended;
    expect(reasons).toEqual([cancelled]);
  });

  it('gives up its place in the queue, and frees the place that it holds', async () => {
    const { url, held, ended, model, generateRequests } = await serveHeld('start', { maxBatchSize: 1 });
    const running = openChat(url, 'first');
    await held;
    const waiting = openChat(url, 'second');
    await turnUntil(() => model.stats().sequencesQueued === 1);
    const thirdAnswer = answerTo(openChat(url, 'third'));
    waiting.destroy();
    await ended;
    // The third moves up to the place that the second leaves.
    await turnUntil(() => generateRequests.length === 3);
    expect(model.stats()).toEqual({ sequencesRunning: 1, sequencesQueued: 1 });
    running.destroy();
    expect((await thirdAnswer).statusCode).toBe(200);
    expect(model.stats()).toEqual(idle);
  });

  it.each(['start', 'delta'] as const)('without a reset ends its generation (%s)', async (heldAt) => {
    for (const stream of [false, true]) {
      const { port, held, ended, reasons } = await serveHeld(heldAt);
      const socket = await openSocket(port);
      socket.write(rawChat(chatBody('one two', { stream })));
      await held;
      if (stream && heldAt === 'delta') await readUntil(socket, /"role"/);
      // Nothing unread is left, so that its kernel says only that it sends no more.
      socket.pause().destroy();
      await ended;
      expect(reasons).toEqual([cancelled]);
    }
  });

  it('ends what waits behind its first request on the same connection', async () => {
    const { port, held, ended, reasons, model } = await serveHeld('start');
    const behind = new Gate();
    const original = model.generate.bind(model);
    model.generate = (request, signal) => {
      signal.addEventListener('abort', () => behind.open());
      return original(request, signal);
    };
    const socket = await openSocket(port);
    socket.write(rawChat(chatBody('one')) + rawChat(chatBody('two')));
    await held;
    socket.destroy();
    await Promise.all([ended, behind.opened]);
    expect(reasons).toContainEqual(cancelled);
    expect(model.stats()).toEqual(idle);
  });

  it('in the middle of its request is no failure of the server', async () => {
    const { port, log, requestsInFlight, generateRequests } = await serve();
    for (const [index, leave] of (['destroy', 'end'] as const).entries()) {
      const socket = await openSocket(port);
      socket.write('POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{');
      await turnUntil(() => requestsInFlight() === 1);
      socket[leave]();
      await turnUntil(() => log.filter((line) => line.includes(' 499 ')).length === index + 1);
    }
    expect(log.join('\n')).not.toMatch(/warning|error| 500 | 400 /);
    expect(generateRequests).toEqual([]);
  });

  it('ends the fetch of its image', async () => {
    const asked = new Gate();
    const left = new Gate();
    const images = createServer((_request, response: ServerResponse) => {
      response.writeHead(200).write('a beginning');
      response.once('close', () => left.open());
      asked.open();
    }).listen(0, '127.0.0.1');
    onTestFinished(() => void images.close());
    await once(images, 'listening');
    const { url, generateRequests, log } = await serve({ media: { allowedMediaHosts: ['127.0.0.1'] } });
    const image = `http://127.0.0.1:${(images.address() as AddressInfo).port}/`;
    const request = openChat(url, '', {
      messages: [{ role: 'user', content: [{ type: 'image_url', image_url: image }] }],
    });
    await asked.opened;
    request.destroy();
    await left.opened;
    await turnUntil(() => log.some((line) => line.includes(' 499 ')));
    expect(generateRequests).toEqual([]);
  });
});

describe('a client that only closes its side', () => {
  const head = /^(?:HTTP\/1\.1 102 Processing\r\n\r\n)*HTTP\/1\.1 200 OK\r\n/;

  it('gets its answer', async () => {
    const answering = new Gate();
    const server = await serve({ beforeStart: () => answering.opened });
    const socket = await openSocket(server.port);
    socket.end(rawChat(chatBody('one two')));
    // An interim answer is how the server looks after the client.
    const interim = await readUntil(socket, /102 Processing\r\n\r\nHTTP\/1\.1 102 Processing\r\n\r\n/);
    answering.open();
    const answer = interim + (await text(socket));
    expect(answer).toMatch(head);
    expect(answer).toContain('"content":"one two"');
  });

  it('gets its stream to the end', async () => {
    const streaming = new Gate();
    const server = await serve({ beforeDelta: (index) => (index === 1 ? streaming.opened : undefined) });
    const socket = await openSocket(server.port);
    socket.end(rawChat(chatBody('one two', { stream: true })));
    const beginning = await readUntil(socket, /"one "[^]*\n:\n\n[^]*\n:\n\n/);
    streaming.open();
    const stream = beginning + (await text(socket));
    expect(stream).toMatch(head);
    expect(stream).toMatch(/"one "[^]*"two"[^]*data: \[DONE\]/);
  });

  it('gets all the answers it asked for, and then the end', async () => {
    const server = await serve();
    const socket = await openSocket(server.port);
    socket.end(rawChat(chatBody('one')) + rawChat(chatBody('two')));
    const answers = await text(socket);
    expect([...answers.matchAll(/"content":"(\w+)"/g)].map(([, word]) => word)).toEqual(['one', 'two']);
  });
});

describe('a connection', () => {
  it('answers pipelined requests in their order', async () => {
    const { port } = await serve();
    const socket = await openSocket(port);
    socket.write(['one', 'two', 'three'].map((word) => rawChat(chatBody(word))).join(''));
    const answers = await readUntil(socket, /(HTTP\/1\.1 200[^]*){3}"timings":\{[^}]+\}\}$/);
    expect([...answers.matchAll(/"content":"(\w+)"/g)].map(([, word]) => word)).toEqual(['one', 'two', 'three']);
    socket.destroy();
  });
});
