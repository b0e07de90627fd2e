import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { expect, it, onTestFinished, vi } from 'vitest';
import { Gate } from '../../support/gate.ts';
import { answerTo, chatBody, openChat, send } from '../../server/support/http.ts';
import { modelName, serve } from '../../server/support/serve.ts';
import { delta, endChunks, fakeUpstream, say, writeChunks } from './support/fake-upstream.ts';
import { errorOf } from './support/error-of.ts';
import { loadUpstreams, serveUpstreams } from './support/serve-upstreams.ts';

/** Without what is different in every answer. */
function comparable(text: string): string {
  return text
    .replaceAll(/"(id|item_id|response_id|request_id)":"[^"]*"/g, '"$1":""')
    .replaceAll(/"(created|created_at|completed_at|\w+_duration|\w+_ms|\w+_per_second)":("[^"]*"|[\d.]+)/g, '"$1":0');
}

const words = 'The quick brown fox jumps over the lazy dog';
const messages = [{ role: 'user', content: words }];

it.each([
  ['/v1/chat/completions', { messages }],
  ['/v1/chat/completions', { messages, stream: true, stream_options: { include_usage: true } }],
  ['/v1/chat/completions', { messages, max_tokens: 3, stop: 'zzz' }],
  ['/v1/completions', { prompt: words }],
  ['/v1/completions', { prompt: words, stream: true }],
  ['/completion', { prompt: words }],
  ['/v1/responses', { input: words }],
  ['/v1/messages', { messages, max_tokens: 100 }],
  ['/api/chat', { messages, stream: false }],
  ['/api/generate', { prompt: words }],
  ['/v1/embeddings', { input: words }],
  ['/v1/chat/completions/input_tokens', { messages }],
  ['/tokenize', { content: words }],
])('%s %j answers as the server behind it does', async (path, fields) => {
  const behind = await serve();
  const edge = await serveUpstreams([behind.url]);
  expect(edge.name).toBe(modelName);
  const body = JSON.stringify({ model: modelName, ...fields });
  const direct = await send(`${behind.url}${path}`, { method: 'POST', body });
  const through = await send(`${edge.url}${path}`, { method: 'POST', body });
  expect(direct.status, direct.text).toBe(200);
  expect(through.status, through.text).toBe(200);
  expect(comparable(through.text)).toBe(comparable(direct.text));
});

it('an error of the server behind is told with its code, and names the place in the client’s request', async () => {
  const behind = await serve({ maxLength: 4 });
  const edge = await serveUpstreams([behind.url]);
  const sent = { method: 'POST', body: JSON.stringify({ messages }) };
  const { status, text } = await send(`${edge.url}/v1/chat/completions`, sent);
  expect(status).toBe(400);
  expect(JSON.parse(text)).toMatchObject({ error: { code: 'context_length_exceeded', param: 'messages' } });
});

it('tokens that come together leave together', async () => {
  const tokens = Array.from({ length: 20 }, (_, index) => `token ${String(index)} `);
  const behind = await fakeUpstream((response) => {
    writeChunks(response, delta({ role: 'assistant', content: '' }), ...tokens.map((content) => delta({ content })));
    endChunks(response);
  });
  const edge = await serveUpstreams([behind.url]);
  const write = vi.spyOn(Socket.prototype, 'write');
  onTestFinished(() => write.mockRestore());
  const { text } = await send(`${edge.url}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ messages, stream: true }),
  });
  expect(text.match(/token \d+ /g)).toEqual(tokens);
  // The upstream's own chunks have no such field.
  const written = write.mock.calls
    .map(([data]) => String(data))
    .filter((data) => data.includes('"chat.completion.chunk"'));
  expect(written.filter((data) => data.includes('token '))).toHaveLength(1);
});

it('a client that leaves ends its generation at the upstream', async () => {
  const ended = new Gate();
  const never = new Gate();
  const behind = await serve({
    beforeDelta: (index) => (index > 0 ? never.opened : undefined),
    onEndEarly: () => ended.open(),
  });
  const edge = await serveUpstreams([behind.url]);
  const request = openChat(edge.url, words, { stream: true });
  const response = await answerTo(request);
  await once(response, 'data');
  request.destroy();
  await ended.opened;
});

it('a client that does not read holds back its upstream’s stream, and no other', async () => {
  const word = 'x'.repeat(10_000);
  const tokens = 20_000;
  let deltas = 0;
  const ended = new Gate();
  const behind = await serve({
    maxLength: 2 * tokens,
    beforeDelta: () => void (deltas += 1),
    onEndEarly: () => ended.open(),
  });
  const edge = await serveUpstreams([behind.url]);
  const request = openChat(edge.url, word, { stream: true, ignore_eos: true, max_tokens: tokens });
  const response = await answerTo(request);
  response.pause();
  let rested = 0;
  for (let before = -1; rested < 20; before = deltas) {
    await send(`${edge.url}/health`);
    rested = deltas === before ? rested + 1 : 0;
  }
  expect(deltas).toBeLessThan(tokens / 4);
  expect((await send(`${edge.url}/v1/chat/completions`, { method: 'POST', body: chatBody('short') })).text).toContain(
    'short',
  );
  request.destroy();
  await ended.opened;
});

it('requests wait where all upstreams are full, and the queue is that of all together', async () => {
  const opened = new Gate();
  const upstream = () =>
    fakeUpstream(async (response) => {
      await opened.opened;
      say(response, 'done');
    });
  const [a, b] = await Promise.all([upstream(), upstream()]);
  const edge = await serveUpstreams([a.url, b.url], { load: { maxBatchSize: 2 }, settings: { maxQueueSize: 1 } });
  expect(edge.model.info.maxBatchSize).toBe(4);
  const ask = (content: string) => send(`${edge.url}/v1/chat/completions`, { method: 'POST', body: chatBody(content) });
  const asked = ['1', '2', '3', '4', '5'].map(ask);
  while (a.bodies.length + b.bodies.length < 4) await setImmediate();
  while (edge.requestsInFlight() < 5) await setImmediate();
  // Four run, the fifth waits, here or in front of the model: there is no place for a sixth.
  const refused = await ask('6');
  expect(refused.status).toBe(429);
  expect(refused.headers['retry-after']).toBeDefined();
  expect([a.bodies.length, b.bodies.length]).toEqual([2, 2]);
  opened.open();
  for (const { status } of await Promise.all(asked)) expect(status).toBe(200);
});

it('turns of a conversation go to the same upstream', async () => {
  const upstreams = await Promise.all([1, 2, 3, 4].map(() => fakeUpstream((response) => say(response, 'x'))));
  const edge = await serveUpstreams(upstreams.map(({ url }) => url));
  for (const first of ['about cats', 'about dogs', 'about birds']) {
    const turns: object[] = [{ role: 'user', content: first }];
    const before = upstreams.map(({ bodies }) => bodies.length);
    for (let turn = 0; turn < 4; turn += 1) {
      await send(`${edge.url}/v1/chat/completions`, { method: 'POST', body: JSON.stringify({ messages: turns }) });
      turns.push({ role: 'assistant', content: 'x' }, { role: 'user', content: `turn ${String(turn)}` });
    }
    const asked = upstreams.map(({ bodies }, index) => bodies.length - (before[index] ?? 0));
    expect(asked.toSorted((a, b) => a - b)).toEqual([0, 0, 0, 4]);
  }
});

it('keys, names of models and weights come from the file, which is read again', async () => {
  const a = await fakeUpstream((response) => say(response, 'a'), { model: 'meta/a' });
  const held = new Gate();
  const arrived = new Gate();
  const b = await fakeUpstream(
    async (response) => {
      arrived.open();
      await held.opened;
      say(response, 'b');
    },
    { model: 'b-model' },
  );
  const folder = await mkdtemp(join(tmpdir(), 'vserve-upstreams-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'upstreams.yaml');
  await writeFile(join(folder, 'key'), 'sk-b\n');
  const both = `upstreams:
  - url: ${a.url}/v1/
    key: sk-a
    models: { served: meta/a }
  - url: ${b.url}
    key_file: key
    weight: 1000000000
    models: { served: b-model }
`;
  await writeFile(file, both);
  const edge = await serveUpstreams([], { load: { upstreamsFile: file, upstreamApiKey: 'sk-common' } });
  expect(edge.name).toBe('served');
  const ask = async () =>
    (await send(`${edge.url}/v1/chat/completions`, { method: 'POST', body: chatBody('Hi') })).text;
  const begun = ask();
  await arrived.opened;
  expect(b.bodies[0]?.model).toBe('b-model');
  expect(new Set(b.keys)).toEqual(new Set(['Bearer sk-b']));
  expect(new Set(a.keys)).toEqual(new Set(['Bearer sk-a']));

  await writeFile(file, 'upstreams: [{ url: nowhere.example, wait: 3 }]');
  await expect(edge.model.reload?.()).rejects.toMatchObject({
    code: 'invalid_setting',
    message: expect.stringContaining('wait') as string,
  });
  await writeFile(file, both.slice(0, both.indexOf(`  - url: ${b.url}`)));
  await edge.model.reload?.();
  expect(await ask()).toContain('"content":"a"');
  expect(a.bodies[0]?.model).toBe('meta/a');
  // What was removed finishes what it has.
  held.open();
  expect(await begun).toContain('"content":"b"');
});

it('/metrics tells of each upstream', async () => {
  const upstream = await fakeUpstream((response) => say(response, 'x'));
  const edge = await serveUpstreams([upstream.url], { metricsPort: 0 });
  await send(`${edge.url}/v1/chat/completions`, { method: 'POST', body: chatBody('Hi') });
  const { text } = await send(edge.metricsUrl ?? '');
  const of = `{upstream="${upstream.url}"}`;
  expect(text).toContain(`vserve_upstream_up${of} 1`);
  expect(text).toContain(`vserve_upstream_circuit_state${of} 0`);
  expect(text).toContain(`vserve_upstream_requests_running${of} 0`);
  expect(text).toContain(`vserve_upstream_requests_total${of} 1`);
  expect(text).toContain(`vserve_upstream_failures_total{upstream="${upstream.url}",reason="timeout"} 0`);
  expect(text).toMatch(/vserve_upstream_time_to_first_token_milliseconds_count\{upstream="[^"]+"\} 1/);
  expect(text).toContain('# TYPE vserve_upstream_requests_total counter');
});

it('a request goes to an upstream that can do it', async () => {
  const plain = await fakeUpstream((response) => say(response, 'plain'));
  const vllm = await fakeUpstream((response) => say(response, 'vllm'), { owner: 'vllm' });
  const edge = await serveUpstreams([plain.url, vllm.url], { load: { upstreamPolicy: 'round-robin' } });
  const ask = async (fields: object) =>
    (await send(`${edge.url}/v1/chat/completions`, { method: 'POST', body: chatBody('Hi', fields) })).text;
  for (let round = 0; round < 3; round += 1) expect(await ask({ top_k: 5 })).toContain('vllm');
  expect(JSON.parse(await ask({ typical_p: 0.5 }))).toMatchObject({
    error: { code: 'unsupported_capability', param: 'typical_p' },
  });
});

it('MAX is known by its list of models, and is not asked for what it would ignore', async () => {
  const listed = { shutdown_date: null, max_model_len: 1024 };
  const max = await fakeUpstream((response) => say(response, 'max'), { owner: '', listed });
  const vllm = await fakeUpstream((response) => say(response, 'vllm'), { owner: 'vllm' });
  const edge = await serveUpstreams([max.url, vllm.url], { load: { upstreamPolicy: 'round-robin' } });
  const ask = async (fields: object) =>
    (await send(`${edge.url}/v1/chat/completions`, { method: 'POST', body: chatBody('Hi', fields) })).text;
  for (const fields of [{ logit_bias: { 5: 1 } }, { reasoning_budget: 9 }, { logit_bias: { 6: 1 } }]) {
    expect(await ask(fields)).toContain('vllm');
  }
  expect((await Promise.all([ask({ min_tokens: 2 }), ask({ min_tokens: 2 })])).join()).toContain('max');
  expect(max.bodies).toEqual([expect.objectContaining({ min_tokens: 2 })]);

  const alone = await loadUpstreams([max.url]);
  expect(alone.info).toMatchObject({ contextLength: 1024, capabilities: { maxChoices: 1 } });
});

it('requests that an upstream refuses in a stream do not count against it', async () => {
  const upstream = await fakeUpstream((response, { logit_bias: bias }) => {
    if (bias === undefined) say(response, 'fine');
    else {
      writeChunks(response, {
        error: { message: 'Unknown token.', type: 'BadRequestError', param: 'logit_bias', code: 400 },
      });
      response.end('data: [DONE]\n\n');
    }
  });
  const edge = await serveUpstreams([upstream.url]);
  const ask = (fields: object) =>
    send(`${edge.url}/v1/chat/completions`, { method: 'POST', body: chatBody('Hi', fields) });
  for (let round = 0; round < 6; round += 1) {
    const { status, text } = await ask({ logit_bias: { 999999: 5 }, stream: round % 2 === 0 });
    expect(status).toBe(400);
    expect(JSON.parse(text)).toMatchObject({ error: { message: 'Unknown token.', param: 'logit_bias' } });
  }
  expect((await ask({})).text).toContain('fine');
});

it('an upstream is waited for while it starts, and given up where waiting does not help', async () => {
  let isReady = false;
  const starting = await fakeUpstream((response) => say(response, 'x'), { health: () => (isReady ? 200 : 503) });
  const log: string[] = [];
  const loading = loadUpstreams([starting.url], { healthIntervalMs: 20 }, log);
  while (!log.some((line) => line.includes('not up yet'))) await setImmediate();
  isReady = true;
  expect((await loading).info).toMatchObject({ servedName: 'tiny' });

  const error = await errorOf(() => loadUpstreams([starting.url], { modelName: 'other' }));
  expect(error).toMatchObject({
    code: 'model_load_failed',
    message: expect.stringContaining('it has tiny, and not other'),
  });
  expect(await errorOf(() => loadUpstreams([]))).toMatchObject({ code: 'invalid_setting', param: 'upstreams' });
  expect(await errorOf(() => loadUpstreams(['http://user:secret@a.example']))).toMatchObject({
    code: 'invalid_setting',
  });
});

it('a closed model ends what runs, with model_closed', async () => {
  const arrived = new Gate();
  const upstream = await fakeUpstream((response) => {
    writeChunks(response, delta({ content: 'a' }));
    arrived.open();
  });
  const edge = await serveUpstreams([upstream.url]);
  const asked = send(`${edge.url}/v1/chat/completions`, { method: 'POST', body: chatBody('Hi') });
  await arrived.opened;
  await edge.model.close();
  expect((await asked).text).toContain('model_closed');
});
