import { Validator } from '@seriousme/openapi-schema-validator';
import { expect, it } from 'vitest';
import type { AppOptions } from '../../src/server/app.ts';
import { createApp } from '../../src/server/app.ts';
import { describedApi, eventsOf, exampleOf, misfits, streamTypes } from './support/described-api.ts';
import { send } from './support/http.ts';
import { scriptedModel } from './support/scripted-model.ts';
import type { TestServerOptions } from './support/serve.ts';
import { modelName, serve, serveModel } from './support/serve.ts';
import { serverSettings } from './support/settings.ts';

const all = {
  settings: { apiTypes: ['openai', 'responses', 'anthropic', 'ollama', 'sagemaker'], slots: true },
} satisfies TestServerOptions;

/** What is no API: the description itself and its page, and the greeting of Ollama's clients. */
const PAGES = /^\/(?:docs.*|playground.*|openapi\.json)?$/;

async function post(url: string, body: object) {
  return send(url, { method: 'POST', body: JSON.stringify(body) });
}

it('the description of the API is valid OpenAPI 3.1', async () => {
  const server = await serve(all);
  const document = await describedApi(server.url);
  expect(document.openapi).toBe('3.1.0');
  expect(await new Validator().validate({ ...document })).toEqual({ valid: true });
});

it('it describes every route', async () => {
  const server = await serve(all);
  const { paths } = await describedApi(server.url);
  const described = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const options = {
    hosts: [],
    settings: serverSettings(all.settings),
    models: { entries: [], isManaged: false },
  };
  const routes = createApp(options as unknown as AppOptions)
    .routes.filter(({ method, path }) => method !== 'ALL' && method !== 'OPTIONS' && !PAGES.test(path))
    .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)(?:\{[^}]*\})?/g, '{$1}')}`);
  expect(described.toSorted()).toEqual([...new Set(routes)].toSorted());
});

it('its examples are answered, and the answers and events fit', async () => {
  const { url } = await serve(all);
  const { paths } = await describedApi(url);
  // So that the echo backend knows the tokens of the examples.
  await post(`${url}/tokenize`, exampleOf(paths['/tokenize']?.['post'] ?? { responses: {} }) ?? {});
  for (const [path, { post: operation }] of Object.entries(paths)) {
    const example = operation === undefined ? undefined : exampleOf(operation);
    if (operation === undefined || example === undefined) continue;
    const answer = await post(url + path, example);
    expect([path, answer.status, misfits(operation, answer)]).toEqual([path, 200, []]);
    const isStreamed = Object.keys(operation.responses['200']?.content ?? {}).some((type) => streamTypes.has(type));
    if (!isStreamed) continue;
    const stream = await post(url + path, { ...example, stream: true });
    const type = stream.headers['content-type']?.split(';')[0] ?? '';
    expect([path, stream.status, misfits(operation, stream)]).toEqual([path, 200, []]);
    expect([path, streamTypes.has(type), eventsOf(stream.text, type).length > 1]).toEqual([path, true, true]);
  }
});

it('what it reads fits, too', async () => {
  const { url } = await serve(all);
  const { paths } = await describedApi(url);
  const created = JSON.parse((await post(`${url}/v1/responses`, { input: 'one two' })).text) as { id: string };
  const form = new FormData();
  form.set('purpose', 'user_data');
  form.set('file', new File(['Hello'], 'a.txt'));
  const uploaded = (await (await fetch(`${url}/v1/files`, { method: 'POST', body: form })).json()) as { id: string };
  const idOf = (path: string): string => {
    if (path.startsWith('/v1/files')) return uploaded.id;
    return path.startsWith('/v1/responses') ? created.id : modelName;
  };
  for (const [path, operations] of Object.entries(paths)) {
    const operation = operations['get'];
    if (operation === undefined) continue;
    const answer = await send(url + path.replace('{id}', idOf(path)));
    expect([path, answer.status, misfits(operation, answer)]).toEqual([path, 200, []]);
    const failed = await send(`${url}${path.replace('{id}', 'none')}`);
    expect([path, misfits(operation, failed)]).toEqual([path, []]);
  }
  const list = paths['/v1/models']?.['get'];
  const headers = { 'anthropic-version': '2023-06-01' };
  expect(list && misfits(list, await send(`${url}/v1/models`, { headers }))).toEqual([]);
});

it('answers with thoughts, calls and log probabilities fit, and failures', async () => {
  const calls = [{ name: 'look_at', arguments: { place: 'left' } }];
  const { url } = await serveModel(scriptedModel({ reasoning: 'Let me see.', text: 'I look. ', calls }));
  const { paths } = await describedApi(url);
  const messages = [{ role: 'user', content: 'Look.' }];
  const parameters = { type: 'object', properties: { place: { type: 'string' } } };
  const tools = [{ type: 'function', function: { name: 'look_at', parameters } }];
  const requests: readonly (readonly [string, object])[] = [
    ['/v1/chat/completions', { messages, tools }],
    ['/v1/responses', { input: 'Look.', tools: [{ type: 'function', name: 'look_at', parameters }] }],
    ['/v1/messages', { messages, max_tokens: 50, tools: [{ name: 'look_at', input_schema: parameters }] }],
    ['/api/chat', { messages, tools }],
  ];
  for (const [path, body] of requests) {
    const operation = paths[path]?.['post'];
    for (const stream of [true, false]) {
      const answer = await post(url + path, { ...body, stream });
      expect([path, answer.status, operation && misfits(operation, answer)]).toEqual([path, 200, []]);
      expect(answer.text).toContain('look_at');
    }
    const failed = await post(url + path, { ...body, stream: 'yes' });
    expect([path, failed.status, operation && misfits(operation, failed)]).toEqual([path, 400, []]);
  }
});

it('it asks for a key where the server does, but for the health', async () => {
  const { url } = await serve({ settings: { apiKeys: ['secret'] } });
  const { security, paths } = await describedApi(url, { 'x-api-key': 'secret' });
  expect(security).toEqual([{ bearer: [] }, { apiKey: [] }]);
  expect(paths['/health']?.['get']?.security).toEqual([]);
  expect((await describedApi((await serve()).url)).security).toEqual([]);
});

it('the page shows it without a network: nothing in it comes from elsewhere', async () => {
  const { url } = await serve();
  const page = await send(`${url}/docs`);
  expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
  const references = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, reference = '']) => reference);
  expect(references.filter((reference) => /^(?:https?:)?\/\//.test(reference))).toEqual([]);
  for (const reference of references.filter((reference) => !reference.startsWith('data:'))) {
    expect([reference, (await send(`${url}/${reference}`)).status]).toEqual([reference, 200]);
  }
});
