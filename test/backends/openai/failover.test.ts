import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { setImmediate, setTimeout as delay } from 'node:timers/promises';
import { expect, it, onTestFinished, vi } from 'vitest';
import { Gate } from '../../support/gate.ts';
import { send } from '../../server/support/http.ts';
import { delta, endChunks, fakeUpstream, say, writeChunks } from './support/fake-upstream.ts';
import type { Edge } from './support/serve-upstreams.ts';
import { serveUpstreams } from './support/serve-upstreams.ts';

/** What a chat says, or the code of its error. */
async function ask({ url }: Edge, content = 'Hi'): Promise<string> {
  const body = JSON.stringify({ messages: [{ role: 'user', content }] });
  const { status, text } = await send(`${url}/v1/chat/completions`, { method: 'POST', body });
  const answer = JSON.parse(text) as {
    choices?: { message: { content: string } }[];
    error?: { code: string };
  };
  return answer.choices?.[0]?.message.content ?? `${String(status)} ${answer.error?.code ?? ''}`;
}

/** Different conversations, which affinity spreads. */
function askMany(edge: Edge, count: number): Promise<string[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => ask(edge, `conversation ${String(index)}`)));
}

it('requests for a server that refuses connections go to another, and come back when it does', async () => {
  const first = await fakeUpstream((response) => say(response, 'first'));
  const second = await fakeUpstream((response) => say(response, 'second'));
  const edge = await serveUpstreams([first.url, second.url], { healthIntervalMs: 50 });
  expect(new Set(await askMany(edge, 24))).toEqual(new Set(['first', 'second']));
  first.close();
  expect(await askMany(edge, 24)).toEqual(Array.from({ length: 24 }, () => 'second'));

  await fakeUpstream((response) => say(response, 'again'), { port: first.port });
  let answers: string[] = [];
  while (!answers.includes('again')) answers = await askMany(edge, 24);
  expect(new Set(answers)).toEqual(new Set(['again', 'second']));
  expect(edge.log.join('\n')).toMatch(/warning Upstream \S+ is down: .*\n.*info Upstream \S+ is up/s);
});

it('a request that may have run is not sent twice', async () => {
  const [cut, hung, failing] = await Promise.all([
    fakeUpstream((response) => void response.destroy()),
    fakeUpstream(() => undefined),
    fakeUpstream((response) => void response.writeHead(500).end('{}')),
  ]);
  for (const [upstream, told] of [
    [cut, '502 upstream_failed'],
    [hung, '504 upstream_timeout'],
    [failing, '502 upstream_failed'],
  ] as const) {
    const other = await fakeUpstream((response) => say(response, 'other'));
    const edge = await serveUpstreams([upstream.url, other.url], {
      silenceMs: 300,
      load: { upstreamPolicy: 'round-robin' },
    });
    expect([await ask(edge), await ask(edge)].sort()).toEqual([told, 'other']);
    expect(upstream.bodies).toHaveLength(1);
    expect(other.bodies).toHaveLength(1);
  }
});

it('a stream that is cut ends with an error, after what had come', async () => {
  const upstream = await fakeUpstream((response) => {
    writeChunks(response, delta({ content: 'Half of ' }));
    response.write('data: {"cho', () => response.destroy());
  });
  const edge = await serveUpstreams([upstream.url]);
  const body = JSON.stringify({ messages: [{ role: 'user', content: 'Hi' }], stream: true });
  const { status, text } = await send(`${edge.url}/v1/chat/completions`, { method: 'POST', body });
  expect(status).toBe(200);
  expect(text).toContain('Half of ');
  expect(text).toContain('"code":"upstream_failed"');
  expect(text).not.toContain('[DONE]');
});

it.each([
  ['503 with Retry-After', 503, { 'retry-after': '7' }],
  ['429', 429, { 'retry-after': '7' }],
])('%s sends a request elsewhere, and to the client where there is nowhere else', async (_, status, headers) => {
  const busy = await fakeUpstream((response) => void response.writeHead(status, headers).end('{}'));
  const free = await fakeUpstream((response) => say(response, 'free'));
  const edge = await serveUpstreams([busy.url, free.url], { load: { upstreamPolicy: 'round-robin' } });
  expect([await ask(edge), await ask(edge)]).toEqual(['free', 'free']);
  expect(busy.bodies.length).toBeGreaterThan(0);

  const alone = await serveUpstreams([busy.url]);
  const body = JSON.stringify({ messages: [{ role: 'user', content: 'Hi' }] });
  const answer = await send(`${alone.url}/v1/chat/completions`, { method: 'POST', body });
  expect(answer).toMatchObject({ status: 429, headers: { 'retry-after': '7' } });
});

it('a server that fails one request after the other gets none for a while, then one, then all', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  onTestFinished(() => void vi.useRealTimers());
  let isWell = false;
  const trial = new Gate();
  const flaky = await fakeUpstream(async (response) => {
    if (isWell) await trial.opened;
    if (isWell) say(response, 'well');
    else response.writeHead(500).end('{}');
  });
  const other = await fakeUpstream((response) => say(response, 'other'));
  const edge = await serveUpstreams([flaky.url, other.url], {
    load: { upstreamPolicy: 'round-robin' },
    firstOpenMs: 1000,
  });
  for (let question = 0; flaky.bodies.length < 5; question += 1) await ask(edge, `question ${String(question)}`);
  const others = Array.from({ length: 10 }, () => 'other');
  expect(await askMany(edge, 10)).toEqual(others);
  expect(flaky.bodies).toHaveLength(5);

  isWell = true;
  vi.setSystemTime(Date.now() + 1001);
  const tried = ask(edge);
  while (flaky.bodies.length === 5) await setImmediate();
  // While the one is tried, no other is.
  expect(await askMany(edge, 10)).toEqual(others);
  expect(flaky.bodies).toHaveLength(6);
  trial.open();
  expect(await tried).toBe('well');
  expect(new Set(await askMany(edge, 10))).toEqual(new Set(['well', 'other']));
});

it('one conversation that a server fails again and again keeps no others from it', async () => {
  const max = await fakeUpstream((response, { messages }) => {
    if (messages[0]?.content === 'fine') say(response, 'well');
    else {
      const error = { code: '500', message: 'Internal server error.', param: '', type: 'api_error' };
      response.writeHead(500, { 'content-type': 'application/json' }).end(JSON.stringify({ error }));
    }
  });
  const edge = await serveUpstreams([max.url]);
  for (let round = 0; round < 10; round += 1) expect(await ask(edge, 'wrong')).toBe('502 upstream_failed');
  expect(await ask(edge, 'fine')).toBe('well');

  for (let round = 0; round < 5; round += 1) await ask(edge, `question ${String(round)}`);
  expect(await ask(edge, 'fine')).toBe('503 upstream_unavailable');
});

it('a server whose health says that it ends gets no new requests, and finishes those that it has', async () => {
  let health = 200;
  const held: ServerResponse[] = [];
  const ending = await fakeUpstream(
    (response) => {
      writeChunks(response, delta({ content: 'begun ' }));
      held.push(response);
    },
    { health: () => health },
  );
  const other = await fakeUpstream((response) => say(response, 'other'));
  const edge = await serveUpstreams([ending.url, other.url], {
    healthIntervalMs: 20,
    load: { upstreamPolicy: 'round-robin' },
  });
  const begun = [ask(edge), ask(edge)];
  while (held.length === 0) await setImmediate();
  health = 503;
  while (!edge.log.some((line) => line.includes('is down'))) await setImmediate();
  expect(await askMany(edge, 6)).toEqual(Array.from({ length: 6 }, () => 'other'));
  const [response] = held;
  if (response !== undefined) {
    writeChunks(response, delta({ content: 'and ended' }));
    endChunks(response);
  }
  expect((await Promise.all(begun)).sort()).toEqual(['begun and ended', 'other']);
});

it('a server that says it is shutting down is asked for its health at once, and gets no more', async () => {
  let health = 200;
  const ending = await fakeUpstream(
    (response) => {
      health = 503;
      response.writeHead(503, { 'retry-after': '1' }).end('{"error":{"code":"shutting_down","message":"Ending."}}');
    },
    { health: () => health },
  );
  const other = await fakeUpstream((response) => say(response, 'other'));
  const edge = await serveUpstreams([ending.url, other.url], {
    healthIntervalMs: 3_600_000,
    load: { upstreamPolicy: 'round-robin' },
  });
  while (ending.bodies.length === 0) expect(await ask(edge)).toBe('other');
  while (!edge.log.some((line) => line.includes('is down'))) await setImmediate();
  expect(await askMany(edge, 6)).toEqual(Array.from({ length: 6 }, () => 'other'));
  expect(ending.bodies).toHaveLength(1);

  health = 200;
  const alone = await serveUpstreams([ending.url]);
  expect(await ask(alone)).toBe('503 upstream_unavailable');
});

it('with no server up, requests are told so at once', async () => {
  const upstream = await fakeUpstream((response) => say(response, 'x'));
  const edge = await serveUpstreams([upstream.url]);
  upstream.close();
  expect(await ask(edge)).toBe('503 upstream_unavailable');
});

it('a server that takes connections and does not answer counts as down, and others are not delayed', async () => {
  const sockets: Socket[] = [];
  let isHung = false;
  const upstream = await fakeUpstream((response) => say(response, 'hung'), { health: () => 200 });
  const front = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    if (isHung) return;
    const behind = connect(upstream.port, '127.0.0.1').on('error', () => undefined);
    socket.pipe(behind).pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(front, 'listening');
  const { port } = front.address() as AddressInfo;
  const other = await fakeUpstream((response) => say(response, 'other'));
  const edge = await serveUpstreams([`127.0.0.1:${String(port)}`, other.url], {
    healthIntervalMs: 50,
    healthTimeoutMs: 200,
  });
  isHung = true;
  for (const socket of sockets) socket.destroy();
  while (!edge.log.some((line) => /is down: it does not answer/.test(line))) {
    await delay(5);
  }
  expect(await askMany(edge, 10)).toEqual(Array.from({ length: 10 }, () => 'other'));
  front.close();
  for (const socket of sockets) socket.destroy();
});
