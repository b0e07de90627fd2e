import { expect, it } from 'vitest';
import type { GenerateRequest, LoadedModel } from '../../src/backend/index.ts';
import { VserveError } from '../../src/errors/index.ts';
import type { AdapterSettings } from '../../src/server/index.ts';
import { send } from './support/http.ts';
import { scriptedModel } from './support/scripted-model.ts';
import { modelName, serveModel } from './support/serve.ts';
import type { TestServerOptions } from './support/serve.ts';

interface AdaptedServer {
  readonly url: string;
  readonly requests: readonly GenerateRequest[];
  /** Ids that were unloaded. */
  readonly unloaded: readonly number[];
  readonly loaded: readonly string[];
}

/** A server of a model with the adapters `sql` and `captions`, which numbers what it loads from 3 on. */
async function serveAdapted(
  more: Partial<AdapterSettings> = {},
  settings: TestServerOptions['settings'] = {},
): Promise<AdaptedServer> {
  const scripted = scriptedModel({ text: 'Yes.' });
  const unloaded: number[] = [];
  const loaded: string[] = [];
  const adapterOf = (id: number) => ({
    id,
    unload: () => {
      unloaded.push(id);
      return Promise.resolve();
    },
  });
  const model: LoadedModel = {
    ...scripted,
    loadAdapter: (path) => Promise.resolve(adapterOf(2 + loaded.push(path))),
  };
  const preloaded = ['sql', 'captions'].map((name, i) => ({ name, path: `./${name}`, adapter: adapterOf(i + 1) }));
  const { url } = await serveModel(model, { settings, adapters: { preloaded, most: 3, prepare: undefined, ...more } });
  return { url, requests: scripted.requests, unloaded, loaded };
}

const changeable: Partial<AdapterSettings> = {
  prepare: (path) => {
    if (path === 'nowhere') throw new VserveError('model_unavailable', 'There is nothing at nowhere.');
    return Promise.resolve(`${path}.gguf`);
  },
};

const messages = [{ role: 'user', content: 'Is it?' }];

async function post(url: string, body: object) {
  const answer = await send(url, { method: 'POST', body: JSON.stringify(body) });
  return { status: answer.status, json: JSON.parse(answer.text) as Record<string, unknown>, text: answer.text };
}

async function idsAt(url: string, headers: Record<string, string> = {}): Promise<unknown[]> {
  const { data } = JSON.parse((await send(`${url}/v1/models`, { headers })).text) as { data: { id: string }[] };
  return data.map(({ id }) => id);
}

it('every wire format chooses an adapter by its name, and answers with that', async () => {
  const { url, requests } = await serveAdapted(
    {},
    { apiTypes: ['openai', 'responses', 'anthropic', 'ollama', 'sagemaker'] },
  );
  const bodies: readonly (readonly [string, object])[] = [
    ['/v1/chat/completions', { messages }],
    ['/v1/completions', { prompt: 'Is it?' }],
    ['/completion', { prompt: 'Is it?' }],
    ['/v1/responses', { input: 'Is it?' }],
    ['/v1/messages', { messages, max_tokens: 5 }],
    ['/api/chat', { messages, stream: false }],
    ['/api/generate', { prompt: 'Is it?', stream: false }],
    ['/invocations', { messages }],
  ];
  for (const [path, body] of bodies) {
    const before = requests.length;
    const { status, json } = await post(url + path, { ...body, model: 'captions' });
    expect([path, status, requests.slice(before).map(({ adapter }) => adapter)]).toEqual([path, 200, [2]]);
    if ('model' in json) expect([path, json['model']]).toEqual([path, 'captions']);
  }
});

it('the name of the model, none, and an adapter behind the name of the model mean what they say', async () => {
  const { url, requests } = await serveAdapted();
  for (const model of [modelName, '', undefined, 'sql', `${modelName}:sql`, 'sql:latest']) {
    expect((await post(`${url}/v1/chat/completions`, { messages, model })).status).toBe(200);
  }
  expect(requests.map(({ adapter }) => adapter)).toEqual([undefined, undefined, undefined, 1, 1, 1]);
});

it('names that are not served are told with those that are', async () => {
  const { url } = await serveAdapted();
  const { status, text } = await post(`${url}/v1/chat/completions`, { messages, model: 'poems' });
  expect(status).toBe(404);
  expect(JSON.parse(text)).toMatchObject({ error: { code: 'model_not_found', param: 'model' } });
  expect(text).toContain('captions');
});

it('lists of models have them, with the model that they change', async () => {
  const { url } = await serveAdapted({}, { apiTypes: ['openai', 'anthropic', 'ollama'] });
  const { data } = JSON.parse((await send(`${url}/v1/models`)).text) as { data: Record<string, unknown>[] };
  expect(data.map(({ id, root, parent }) => ({ id, root, parent }))).toEqual([
    { id: modelName, root: modelName, parent: null },
    { id: 'sql', root: './sql', parent: modelName },
    { id: 'captions', root: './captions', parent: modelName },
  ]);
  expect(JSON.parse((await send(`${url}/v1/models/sql`)).text)).toMatchObject({ id: 'sql', parent: modelName });
  expect(await idsAt(url, { 'anthropic-version': '2023-06-01' })).toEqual([modelName, 'sql', 'captions']);
  const { models } = JSON.parse((await send(`${url}/api/tags`)).text) as { models: { name: string }[] };
  expect(models.map(({ name }) => name)).toContain('sql:latest');
});

it('clients load and unload adapters where the server lets them', async () => {
  const { url, requests, unloaded, loaded } = await serveAdapted(changeable);
  const load = (body: object) => post(`${url}/v1/load_lora_adapter`, body);
  expect((await load({ lora_name: 'poems', lora_path: './poems' })).json).toEqual({
    status: 'success',
    message: "LoRA adapter 'poems' added successfully.",
  });
  expect(loaded).toEqual(['./poems.gguf']);
  expect((await post(`${url}/v1/chat/completions`, { messages, model: 'poems' })).status).toBe(200);
  expect(requests.at(-1)?.adapter).toBe(3);
  const again = await load({ lora_name: 'poems', lora_path: './poems' });
  expect([again.status, again.text]).toEqual([400, expect.stringMatching(/"poems\\" is taken/)]);
  const fourth = await load({ lora_name: 'more', lora_path: './more' });
  expect([fourth.status, fourth.text]).toEqual([
    400,
    expect.stringMatching(/3 LoRA adapters, as many as --max-num-loras/),
  ]);
  expect((await post(`${url}/v1/unload_lora_adapter`, { lora_name: 'sql', lora_int_id: 1 })).status).toBe(200);
  expect(unloaded).toEqual([1]);
  expect(await idsAt(url)).toEqual([modelName, 'captions', 'poems']);
  expect((await post(`${url}/v1/chat/completions`, { messages, model: 'sql' })).status).toBe(404);
  expect((await post(`${url}/v1/unload_lora_adapter`, { lora_name: 'sql' })).status).toBe(404);
});

it('an adapter that cannot be used is the fault of the request', async () => {
  const { url } = await serveAdapted(changeable);
  const missing = await post(`${url}/v1/load_lora_adapter`, { lora_name: 'poems', lora_path: 'nowhere' });
  expect([missing.status, missing.json]).toMatchObject([
    400,
    { error: { code: 'invalid_request', param: 'lora_path', message: 'There is nothing at nowhere.' } },
  ]);
  for (const [name, path, param] of [
    ['x'.repeat(256), './poems', 'lora_name'],
    ['poems', 'x'.repeat(4097), 'lora_path'],
  ]) {
    const { status, json } = await post(`${url}/v1/load_lora_adapter`, { lora_name: name, lora_path: path });
    expect([status, json]).toMatchObject([400, { error: { code: 'invalid_request', param } }]);
    expect(JSON.stringify(json).length).toBeLessThan(300);
  }
  // The name is free for another try.
  expect((await post(`${url}/v1/load_lora_adapter`, { lora_name: 'poems', lora_path: './poems' })).status).toBe(200);
});

it('and nobody does that unless the server says so', async () => {
  const { url, loaded } = await serveAdapted();
  for (const path of ['/v1/load_lora_adapter', '/v1/unload_lora_adapter']) {
    const { status, json } = await post(url + path, { lora_name: 'sql', lora_path: './x' });
    expect([status, json]).toMatchObject([400, { error: { code: 'unsupported_capability' } }]);
  }
  expect(loaded).toEqual([]);
});

it('an adapter computes no embeddings: those would be the model’s', async () => {
  const { url } = await serveAdapted();
  expect((await post(`${url}/v1/embeddings`, { input: 'x', model: 'sql' })).status).toBe(400);
});
