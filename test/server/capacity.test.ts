import { text } from 'node:stream/consumers';
import { RateLimitError } from 'openai';
import { describe, expect, it } from 'vitest';
import { Gate } from '../support/gate.ts';
import { answerTo, chatBody, openChat, openSocket, send } from './support/http.ts';
import { modelName, serve } from './support/serve.ts';
import type { TestServerOptions } from './support/serve.ts';
import { turnUntil } from './support/turn-until.ts';

const messages = [{ role: 'user' as const, content: 'one two three' }];

it.each([false, true])(
  'a request past the batch and the queue gets 429, and its place is not lost (stream: %s)',
  async (stream) => {
    const gate = new Gate();
    const started = [new Gate(), new Gate()];
    let running = 0;
    const server = await serve({
      maxBatchSize: 2,
      settings: { maxQueueSize: 0 },
      beforeStart: () => {
        started[running++]?.open();
        return gate.opened;
      },
    });
    const create = () => server.client.chat.completions.create({ model: modelName, messages });
    const first = create();
    const second = create();
    await Promise.all(started.map(({ opened }) => opened));
    const third = server.client.chat.completions.create({ model: modelName, messages, stream });
    const error: unknown = await third.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RateLimitError);
    expect(error).toMatchObject({ code: 'at_capacity', message: expect.stringContaining('at capacity') as unknown });
    expect((error as RateLimitError).headers.get('retry-after')).toBe('1');

    gate.open();
    expect((await first).choices[0]?.message.content).toBe('one two three');
    await second;
    expect((await create()).choices[0]?.message.content).toBe('one two three');
  },
);

it('without a limit, requests wait', async () => {
  const server = await serve({ maxBatchSize: 1 });
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => server.client.chat.completions.create({ model: modelName, messages })),
  );
  expect(answers).toHaveLength(20);
});

it('connections whose requests do not come take no place', async () => {
  const { url, port, requestsInFlight } = await serve({ maxBatchSize: 1, settings: { maxQueueSize: 0 } });
  for (let i = 0; i < 5; i += 1) {
    const socket = await openSocket(port);
    socket.write('POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{');
  }
  await turnUntil(() => requestsInFlight() === 5);
  const answer = await send(`${url}/v1/chat/completions`, { method: 'POST', body: chatBody('hi') });
  expect(answer.status).toBe(200);
});

/** A server whose generations begin one at a time, as a test lets them. */
async function serveOneByOne(options: TestServerOptions = {}) {
  const gates: Gate[] = [];
  const server = await serve({
    maxBatchSize: 1,
    ...options,
    beforeDelta(index) {
      if (index !== 0) return undefined;
      const gate = new Gate();
      gates.push(gate);
      return gate.opened;
    },
  });
  const said = () =>
    server.generateRequests.map(({ messages }) =>
      messages[0]?.content.map((part) => (part.type === 'text' ? part.text : '')).join(),
    );
  return { ...server, gates, said };
}

describe('the queue', () => {
  it('gives each client its turn: the many requests of one do not hold up the first of another', async () => {
    const { url, gates, said, model, requestsInFlight } = await serveOneByOne();
    const ask = (content: string, key: string) =>
      send(`${url}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}` },
        body: chatBody(content),
      });
    const answers = [ask('a0', 'a')];
    await turnUntil(() => gates.length === 1);
    for (let i = 1; i < 8; i += 1) answers.push(ask(`a${i}`, 'a'));
    // One more than is computed is with the backend.
    await turnUntil(() => model.stats().sequencesQueued === 1 && requestsInFlight() === 8);
    for (let i = 0; i < 20; i += 1) await send(`${url}/health`);
    answers.push(ask('b0', 'b'));
    await turnUntil(() => requestsInFlight() === 9);
    for (let i = 0; i < 20; i += 1) await send(`${url}/health`);
    for (let i = 0; i < answers.length; i += 1) {
      await turnUntil(() => gates.length > i);
      gates[i]?.open();
    }
    for (const { status } of await Promise.all(answers)) expect(status).toBe(200);
    expect(said()[2]).toBe('b0');
  });

  it('forgets a client that leaves while it waits', async () => {
    const { url, gates, said, model, log, requestsInFlight } = await serveOneByOne({ settings: { maxQueueSize: 2 } });
    const first = answerTo(openChat(url, 'first'));
    await turnUntil(() => gates.length === 1);
    const second = answerTo(openChat(url, 'second'));
    await turnUntil(() => model.stats().sequencesQueued === 1);
    const leaving = openChat(url, 'leaving');
    await turnUntil(() => requestsInFlight() === 3);
    for (let i = 0; i < 20; i += 1) await send(`${url}/health`);
    while ((await send(`${url}/v1/chat/completions`, { method: 'POST', body: chatBody('more') })).status !== 429);
    leaving.destroy();
    await turnUntil(() => log.some((line) => line.includes(' 499 ')));
    const third = answerTo(openChat(url, 'third'));
    for (let i = 0; i < 3; i += 1) {
      await turnUntil(() => gates.length > i);
      gates[i]?.open();
    }
    for (const answer of [first, second, third]) expect((await answer).statusCode).toBe(200);
    expect(said()).toEqual(['first', 'second', 'third']);
  });

  it('has no place for answers that are done but not read', async () => {
    const { url } = await serve({ maxBatchSize: 1 });
    const unread = [];
    for (let i = 0; i < 5; i += 1) {
      const response = await answerTo(openChat(url, 'one two three', { stream: true }));
      unread.push(response.pause());
    }
    for (const response of unread) expect(await text(response)).toMatch(/"one ".*"two ".*"three".*\[DONE\]/s);
  });
});
