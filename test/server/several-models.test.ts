import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Ollama } from 'ollama';
import { describe, expect, it } from 'vitest';
import { VserveError } from '../../src/errors/index.ts';
import type { PullModel } from '../../src/server/index.ts';
import { temporaryFolder } from '../cli/run-vserve.ts';
import { Gate } from '../support/gate.ts';
import { answerTo, chatBody, open, openChat, send } from './support/http.ts';
import { serve } from './support/serve.ts';
import { echoSource, serveSources } from './support/sources.ts';
import { turnUntil } from './support/turn-until.ts';

const json = { 'content-type': 'application/json' };

async function post(url: string, body: object, headers: Readonly<Record<string, string>> = {}) {
  const { status, text } = await send(url, {
    method: 'POST',
    headers: { ...json, ...headers },
    body: JSON.stringify(body),
  });
  return { status, body: JSON.parse(text) as Record<string, unknown> };
}

/** What a model says to a text. */
async function ask(url: string, model: string | undefined, text = 'hi', fields: object = {}): Promise<string> {
  const answer = await send(`${url}/v1/chat/completions`, {
    method: 'POST',
    body: chatBody(text, { model, ...fields }),
  });
  const body = JSON.parse(answer.text) as {
    choices?: readonly { message: { content: string } }[];
    error?: { code: string; message: string };
  };
  return body.choices?.[0]?.message.content ?? `${String(answer.status)} ${body.error?.code ?? ''}`;
}

interface Listed {
  readonly id: string;
  readonly status?: { readonly value: string; readonly failed?: true };
  readonly context_length?: number;
}

async function listed(url: string): Promise<readonly Listed[]> {
  return (JSON.parse((await send(`${url}/v1/models`)).text) as { data: readonly Listed[] }).data;
}

async function states(url: string): Promise<Record<string, string>> {
  return Object.fromEntries((await listed(url)).map(({ id, status }) => [id, status?.value ?? '']));
}

describe('a server of several models', () => {
  it('loads each when a request names it, and answers in its name, whichever name the request has', async () => {
    const [a, b] = [echoSource('org/a', { aliases: ['./models/a', 'a'] }), echoSource('b')];
    const { url } = await serveSources([a, b]);
    expect(await states(url)).toEqual({ 'org/a': 'unloaded', b: 'unloaded' });
    expect(await ask(url, 'b')).toBe('b: hi');
    expect(await states(url)).toEqual({ 'org/a': 'unloaded', b: 'loaded' });
    for (const name of ['org/a', 'a', './models/a', 'org/a:latest', 'a:latest'])
      expect(await ask(url, name)).toBe('org/a: hi');
    const { body } = await post(`${url}/v1/chat/completions`, {
      model: 'a',
      messages: [{ role: 'user', content: 'x' }],
    });
    expect(body).toMatchObject({ model: 'org/a' });
    expect([a.happened, b.happened]).toEqual([['load'], ['load']]);
  });

  it('names its models to a request that names another one, or none', async () => {
    const { url } = await serveSources([echoSource('a'), echoSource('b')]);
    const unknown = await post(`${url}/v1/chat/completions`, {
      model: 'c',
      messages: [{ role: 'user', content: 'x' }],
    });
    expect(unknown).toMatchObject({ status: 404, body: { error: { code: 'model_not_found', param: 'model' } } });
    expect(JSON.stringify(unknown.body)).toContain(String.raw`This server has \"a\", \"b\".`);
    const nameless = await post(`${url}/v1/chat/completions`, { messages: [{ role: 'user', content: 'x' }] });
    expect(nameless).toMatchObject({ status: 400, body: { error: { code: 'invalid_request', param: 'model' } } });
    expect((await send(`${url}/v1/models/c`)).status).toBe(404);
  });

  it('serves an alias of two models as that of neither', async () => {
    const { url } = await serveSources([echoSource('x/m', { aliases: ['m'] }), echoSource('y/m', { aliases: ['m'] })]);
    expect(await ask(url, 'm')).toBe('404 model_not_found');
    expect(await ask(url, 'x/m')).toBe('x/m: hi');
  });

  it('routes every format by its model', async () => {
    const { url } = await serveSources([echoSource('a'), echoSource('b')]);
    const messages = [{ role: 'user', content: 'hi' }];
    const said = async (path: string, body: object) =>
      JSON.stringify((await post(url + path, { model: 'b', ...body })).body);
    expect(await said('/v1/responses', { input: 'hi' })).toContain('b: hi');
    expect(await said('/v1/messages', { messages, max_tokens: 10 })).toContain('b: hi');
    expect(await said('/api/chat', { messages, stream: false })).toContain('b: hi');
    expect(await said('/v1/completions', { prompt: 'hi' })).toContain('"model":"b"');
    expect(await said('/completion', { prompt: 'hi' })).toContain('"model":"b"');
    expect(await said('/tokenize', { content: 'hi' })).toContain('tokens');
    expect(await states(url)).toEqual({ a: 'unloaded', b: 'loaded' });
  });

  it('tells requests that wait why their model could not be loaded, and goes on', async () => {
    let isBroken = true;
    const broken = echoSource('broken', {
      onLoad() {
        if (isBroken) throw new VserveError('model_load_failed', 'The file is broken.');
      },
    });
    const { url, log } = await serveSources([broken, echoSource('b')]);
    expect(await Promise.all([ask(url, 'broken'), ask(url, 'b'), ask(url, 'broken')])).toEqual([
      '500 model_load_failed',
      'b: hi',
      '500 model_load_failed',
    ]);
    expect(await listed(url)).toMatchObject([
      { status: { value: 'unloaded', failed: true } },
      { status: { value: 'loaded' } },
    ]);
    expect(log).toContain('error The model broken could not be loaded: The file is broken.');
    isBroken = false;
    expect(await ask(url, 'broken')).toBe('broken: hi');
  });

  it('keeps the stream of a request alive whose model is being loaded', { timeout: 60_000 }, async () => {
    const gate = new Gate();
    const { url } = await serveSources([echoSource('slow', { onLoad: () => gate.opened }), echoSource('b')]);
    const request = openChat(url, 'hi', { model: 'slow', stream: true });
    const response = await answerTo(request);
    response.setEncoding('utf8');
    let text = '';
    for await (const piece of response as AsyncIterable<string>) {
      if (text === '') {
        expect(piece).toBe(':\n\n');
        expect(await states(url)).toEqual({ slow: 'loading', b: 'unloaded' });
        gate.open();
      }
      text += piece;
    }
    expect(text).toContain('slow: ');
    expect(text).toMatch(/data: \[DONE\]\n\n$/);
  });

  it('refuses more requests for a model that is loading than may wait for it', async () => {
    const gate = new Gate();
    const sources = [echoSource('slow', { onLoad: () => gate.opened }), echoSource('b')];
    const { url } = await serveSources(sources, { settings: { maxQueueSize: 1 } });
    const waiting = [ask(url, 'slow'), ask(url, 'slow'), ask(url, 'slow')];
    expect(await Promise.race(waiting)).toBe('429 at_capacity');
    gate.open();
    expect((await Promise.all(waiting)).toSorted()).toEqual(['429 at_capacity', 'slow: hi', 'slow: hi']);
  });

  it('counts the requests of all models against the limit of the server', async () => {
    const gate = new Gate();
    const sources = [echoSource('a', { beforeStart: () => gate.opened }), echoSource('b')];
    const { url, requestsInFlight } = await serveSources(sources, { settings: { maxPendingRequests: 1 } });
    const running = ask(url, 'a');
    await turnUntil(() => sources[0]?.happened[0] === 'load' && requestsInFlight() === 1);
    while ((await states(url))['a'] !== 'loaded') await Promise.resolve();
    expect(await ask(url, 'b')).toBe('429 at_capacity');
    gate.open();
    expect(await running).toBe('a: hi');
  });

  it('ends a load when it stops, and tells those who wait to come back', async () => {
    const reached = new Gate();
    const slow = echoSource('slow', {
      onLoad(signal) {
        reached.open();
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
      },
    });
    const server = await serveSources([slow, echoSource('b')], { settings: { gracefulShutdownTimeoutS: 0 } });
    const waiting = ask(server.url, 'slow').catch(() => 'no answer');
    await reached.opened;
    await server.shutdown();
    expect(['503 shutting_down', 'no answer']).toContain(await waiting);
    expect(slow.happened).toEqual(['load']);
  });

  it('loads at its start what is to be there from the beginning', async () => {
    const a = echoSource('a', { preload: true });
    const { url } = await serveSources([a, echoSource('b')]);
    await turnUntil(() => a.happened.length > 0);
    expect(await ask(url, 'a')).toBe('a: hi');
    expect(a.happened).toEqual(['load']);
  });
});

describe('a model leaves memory', () => {
  it('for another one, if it is the least recently used of those that nobody uses', async () => {
    const [a, b, c] = [echoSource('a'), echoSource('b'), echoSource('c')];
    const { url } = await serveSources([a, b, c], { maxLoaded: 2 });
    for (const name of ['a', 'b', 'a', 'c']) await ask(url, name);
    expect(await states(url)).toEqual({ a: 'loaded', b: 'unloaded', c: 'loaded' });
    expect(b.happened).toEqual(['load', 'close', 'release']);
  });

  it('where the backend has no memory for both', async () => {
    let freeBytes = 100;
    const sized = (name: string, neededBytes: number) =>
      echoSource(name, { memory: () => ({ neededBytes, freeBytes }), onLoad: () => void (freeBytes -= neededBytes) });
    const [a, b] = [sized('a', 60), sized('b', 60)];
    const { url } = await serveSources([a, b, sized('c', 30)]);
    expect(await ask(url, 'a')).toBe('a: hi');
    expect(await ask(url, 'c')).toBe('c: hi');
    expect(await states(url)).toEqual({ a: 'loaded', b: 'unloaded', c: 'loaded' });
    const asked = ask(url, 'b');
    await turnUntil(() => a.happened.includes('close'));
    freeBytes += 60;
    expect(await asked).toBe('b: hi');
    expect((await states(url))['a']).toBe('unloaded');
  });

  it('when another one turns out to have no memory', async () => {
    const a = echoSource('a');
    let tries = 0;
    const b = echoSource('b', {
      onLoad() {
        tries += 1;
        if (tries === 1) throw new VserveError('out_of_memory', 'There is no memory.');
      },
    });
    const { url } = await serveSources([a, b]);
    await ask(url, 'a');
    expect(await ask(url, 'b')).toBe('b: hi');
    expect(a.happened).toEqual(['load', 'close', 'release']);
  });

  it('never while it is in use: the other one waits, and requests that come later wait for their turn', async () => {
    const held = new Gate();
    const reached = new Gate();
    let isFirst = true;
    const a = echoSource('a', {
      beforeStart() {
        if (!isFirst) return undefined;
        isFirst = false;
        reached.open();
        return held.opened;
      },
    });
    const b = echoSource('b');
    const { url, requestsInFlight } = await serveSources([a, b], { maxLoaded: 1 });
    const order: string[] = [];
    const noted = async (name: string) => order.push(await ask(url, name));
    const first = noted('a');
    await reached.opened;
    const second = noted('b');
    await turnUntil(() => requestsInFlight() === 2);
    while ((await states(url))['b'] !== 'loading') await Promise.resolve();
    const third = noted('a');
    await turnUntil(() => requestsInFlight() === 3);
    expect(a.happened).toEqual(['load']);
    held.open();
    await Promise.all([first, second, third]);
    expect(order).toEqual(['a: hi', 'b: hi', 'a: hi']);
    expect(a.happened).toEqual(['load', 'close', 'release', 'load']);
    expect(b.happened.slice(0, 3)).toEqual(['load', 'close', 'release']);
  });

  it('not for a client that has given up', async () => {
    const held = new Gate();
    const reached = new Gate();
    const a = echoSource('a', {
      beforeStart() {
        reached.open();
        return held.opened;
      },
    });
    const { url, requestsInFlight } = await serveSources([a, echoSource('b')], { maxLoaded: 1 });
    const first = ask(url, 'a');
    await reached.opened;
    const givenUp = openChat(url, 'hi', { model: 'b' });
    while ((await states(url))['b'] !== 'loading') await Promise.resolve();
    const later = ask(url, 'a');
    await turnUntil(() => requestsInFlight() === 3);
    givenUp.destroy();
    await turnUntil(() => requestsInFlight() === 2);
    held.open();
    expect(await Promise.all([first, later])).toEqual(['a: hi', 'a: hi']);
    expect(a.happened).toEqual(['load']);
  });

  it('once nobody has asked for it for as long as it is kept, and comes back', async () => {
    const a = echoSource('a');
    const { url, log } = await serveSources([a, echoSource('b')], { keepAliveMs: 20 });
    expect(await ask(url, 'a')).toBe('a: hi');
    await turnUntil(() => a.happened.includes('release'));
    await turnUntil(() => log.some((line) => line.includes('nobody has asked for it')));
    expect(await ask(url, 'a')).toBe('a: hi');
  });

  it('at once, or never, for an Ollama client that says so', async () => {
    const [a, b] = [echoSource('a'), echoSource('b')];
    const { url } = await serveSources([a, b], { keepAliveMs: 3_600_000 });
    const client = new Ollama({ host: url });
    await client.chat({ model: 'a', messages: [{ role: 'user', content: 'hi' }], keep_alive: -1 });
    await client.chat({ model: 'b', messages: [{ role: 'user', content: 'hi' }], keep_alive: '10m' });
    const [ofA, ofB] = (await client.ps()).models.map(
      ({ expires_at }) => new Date(String(expires_at)).getTime() - Date.now(),
    );
    expect(ofA).toBeGreaterThan(365 * 86_400_000);
    expect(ofB).toBeGreaterThan(500_000);
    expect(ofB).toBeLessThan(700_000);
    expect(await client.generate({ model: 'a', prompt: '', keep_alive: 0 })).toMatchObject({ done_reason: 'unload' });
    await turnUntil(() => a.happened.includes('release'));
    expect((await client.ps()).models.map(({ name }) => name)).toEqual(['b:latest']);
    // One that is not there is not loaded for that.
    await client.generate({ model: 'a', prompt: '', keep_alive: 0 });
    expect(a.happened.filter((what) => what === 'load')).toHaveLength(1);
    await client.chat({ model: 'b', messages: [{ role: 'user', content: 'hi' }], keep_alive: 0 });
    await turnUntil(() => b.happened.includes('release'));
  });
});

async function keyFile(): Promise<string> {
  const path = join(await temporaryFolder(), 'keys');
  await writeFile(path, 'manager boss may-manage\nuser\n', { mode: 0o600 });
  return path;
}

const as = (key: string) => ({ authorization: `Bearer ${key}` });

const neverPull: PullModel = () => Promise.reject(new Error('It was asked to.'));

describe('clients that manage models', () => {
  it('load and unload them, by a key that may', async () => {
    const a = echoSource('a');
    const { url } = await serveSources([a, echoSource('b')], { settings: { apiKeyFile: await keyFile() } });
    const refused = await post(`${url}/models/load`, { model: 'a' }, as('user'));
    expect(refused).toMatchObject({ status: 403, body: { error: { code: 'not_permitted' } } });
    expect(JSON.stringify(refused.body)).toContain('may-manage');
    expect(await post(`${url}/models/load`, { model: 'a' }, as('manager'))).toMatchObject({ body: { success: true } });
    await turnUntil(() => a.happened.length > 0);
    expect((await post(`${url}/api/pull`, { model: 'a' }, as('user'))).status).toBe(403);
    const pulled = await post(`${url}/api/pull`, { model: 'a', stream: false }, as('manager'));
    expect(pulled.body).toEqual({ status: 'success' });
    expect((await post(`${url}/models/unload`, { model: 'a' }, as('manager'))).status).toBe(200);
    await turnUntil(() => a.happened.includes('release'));
    expect((await post(`${url}/models/unload`, { model: 'a' }, as('manager'))).status).toBe(400);
    expect((await post(`${url}/models/load`, { model: 'x' }, as('manager'))).status).toBe(404);
  });

  it('add another one, which is served from then on, and hear how far it is', async () => {
    const added = echoSource('org/new');
    const told = new Gate();
    const pull: PullModel = async (id, _signal, report) => {
      if (id !== 'org/new') throw new VserveError('repository_not_found', `There is no ${id}.`);
      report({ stage: 'downloading', fraction: 0.25 });
      await told.opened;
      return added;
    };
    const { url } = await serveSources([echoSource('a'), echoSource('b')], {
      pull,
      settings: { apiKeyFile: await keyFile() },
    });
    const client = (key: string) => new Ollama({ host: url, headers: as(key) });
    await expect(client('user').pull({ model: 'org/new' })).rejects.toThrow('may-manage');
    const statuses: string[] = [];
    for await (const { status } of await client('manager').pull({ model: 'hf.co/org/new:latest', stream: true })) {
      statuses.push(status);
      if (status.startsWith('downloading')) told.open();
    }
    expect(statuses).toEqual(['pulling manifest', 'downloading 25 %', 'success']);
    expect(added.happened).toEqual([]);
    expect((await client('user').list()).models.map(({ name }) => name)).toContain('org/new:latest');
    const messages = [{ role: 'user', content: 'hi' }];
    expect((await client('user').chat({ model: 'org/new', messages })).message.content).toBe('org/new: hi');
    await expect(client('manager').pull({ model: 'org/none' })).rejects.toThrow('There is no org/none.');
  });

  it('cannot add one to a server without keys, or to one that has no way to', async () => {
    const { url } = await serveSources([echoSource('a'), echoSource('b')], { pull: neverPull });
    expect(await post(`${url}/api/pull`, { model: 'org/new' })).toMatchObject({ status: 403 });
    const { url: fixed } = await serveSources([echoSource('a'), echoSource('b')]);
    expect(await post(`${fixed}/api/pull`, { model: 'org/new' })).toMatchObject({ status: 400 });
  });

  it('have a model leave that is in use when its requests have ended', async () => {
    const held = new Gate();
    const reached = new Gate();
    const a = echoSource('a', {
      beforeStart() {
        reached.open();
        return held.opened;
      },
    });
    const { url } = await serveSources([a, echoSource('b')]);
    const running = ask(url, 'a');
    await reached.opened;
    await post(`${url}/models/unload`, { model: 'a' });
    expect(a.happened).toEqual(['load']);
    held.open();
    expect(await running).toBe('a: hi');
    await turnUntil(() => a.happened.includes('release'));
  });
});

describe('what a server of several models tells', () => {
  it("is the state of each, in OpenAI's, Anthropic's, Ollama's and llama-server's lists", async () => {
    const { url } = await serveSources([echoSource('a'), echoSource('b')], { settings: { slots: true } });
    await ask(url, 'a');
    const client = new Ollama({ host: url });
    expect((await client.list()).models.map(({ name }) => name)).toEqual(['a:latest', 'b:latest']);
    expect((await client.ps()).models.map(({ name }) => name)).toEqual(['a:latest']);
    expect(await client.show({ model: 'b' })).toMatchObject({ capabilities: ['completion'] });
    const anthropic = await send(`${url}/v1/models`, { headers: { 'anthropic-version': '2023-06-01' } });
    expect(JSON.parse(anthropic.text)).toMatchObject({ data: [{ id: 'a' }, { id: 'b' }], first_id: 'a', last_id: 'b' });
    const props = async (query: string) => JSON.parse((await send(`${url}/props${query}`)).text) as object;
    expect(await props('')).toMatchObject({ role: 'router', max_instances: null, models_autoload: true });
    expect(await props('?model=a')).toMatchObject({ model_alias: 'a', is_sleeping: false });
    expect(await props('?model=b')).toMatchObject({ error: { code: 'invalid_request' } });
    const slots = async (model: string) => JSON.parse((await send(`${url}/slots?model=${model}`)).text) as unknown[];
    expect([(await slots('a')).length, (await slots('b')).length]).toEqual([8, 0]);
    expect(await states(url)).toEqual({ a: 'loaded', b: 'unloaded' });
  });

  it('is in its metrics, too, and what has left memory still counts', async () => {
    const { url, metricsUrl = '' } = await serveSources([echoSource('a'), echoSource('b')], {
      maxLoaded: 1,
      metricsPort: 0,
    });
    for (const name of ['a', 'b', 'a']) await ask(url, name);
    const { text } = await send(metricsUrl);
    expect(text).toContain('vserve_model_state{model="a",state="loaded"} 1');
    expect(text).toContain('vserve_model_state{model="b",state="unloaded"} 1');
    expect(text).toContain('vserve_model_loads_total{model="a"} 2');
    expect(text).toContain('vserve_model_unloads_total{model="b"} 1');
    expect(text).toMatch(/^maxserve_num_requests_running 0$/m);
  });

  it('has no state where there is one model that stays', async () => {
    const { url } = await serve();
    expect((await listed(url))[0]).not.toHaveProperty('status');
    expect((await post(`${url}/models/load`, { model: 'a' })).status).toBe(405);
  });
});

it('many requests for models of which one fits are all answered, each by its own model', async () => {
  const names = ['a', 'b', 'c'];
  const sources = names.map((name) => echoSource(name));
  const { url } = await serveSources(sources, { maxLoaded: 1 });
  // A generator of its own: the same order in each run.
  let seed = 7;
  const next = (): number => (seed = (seed * 1103515245 + 12345) % 2 ** 31);
  const requests = Array.from({ length: 200 }, (_, index) => ({ name: names[next() % 3] ?? '', text: String(index) }));
  const waiting = requests.values();
  const answers = new Map<string, string>();
  const client = async (): Promise<void> => {
    for (const { name, text } of waiting) answers.set(text, await ask(url, name, text));
  };
  await Promise.all(Array.from({ length: 12 }, client));
  for (const { name, text } of requests) expect(answers.get(text)).toBe(`${name}: ${text}`);
  // Those that wait for a model are answered together.
  const loads = sources.flatMap(({ happened }) => happened.filter((what) => what === 'load')).length;
  expect(loads).toBeLessThan(150);
  for (const { happened } of sources) expect(happened.filter((what) => what === 'close').length).toBeGreaterThan(0);
});

it('a request that is cut off while its model is loaded leaves nothing behind', async () => {
  const gate = new Gate();
  const a = echoSource('a', { onLoad: () => gate.opened });
  const { url, requestsInFlight } = await serveSources([a, echoSource('b')]);
  const request = open(`${url}/v1/chat/completions`, { method: 'POST', body: chatBody('hi', { model: 'a' }) });
  request.on('error', () => undefined);
  await turnUntil(() => a.happened.includes('load'));
  request.destroy();
  await turnUntil(() => requestsInFlight() === 0);
  gate.open();
  expect(await ask(url, 'a')).toBe('a: hi');
  expect(a.happened).toEqual(['load']);
});
