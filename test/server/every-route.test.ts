import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Gate } from '../support/gate.ts';
import type { Operation } from './support/described-api.ts';
import { describedApi, exampleOf } from './support/described-api.ts';
import type { Answer, Sent } from './support/http.ts';
import { openChat, send } from './support/http.ts';
import type { TestServer, TestServerOptions } from './support/serve.ts';
import { modelName, serve } from './support/serve.ts';
import { turnUntil } from './support/turn-until.ts';

const all = {
  settings: { apiTypes: ['openai', 'responses', 'anthropic', 'ollama', 'sagemaker'], slots: true },
} satisfies TestServerOptions;

/** Take a body, and give the model no work. */
const MANAGEMENT = [
  '/api/show',
  '/api/pull',
  '/models/load',
  '/models/unload',
  '/v1/load_lora_adapter',
  '/v1/unload_lora_adapter',
];

/** What is not in the description of the API: itself, and pages. */
const PAGES = ['/openapi.json', '/docs', '/docs/start.js'];

interface Route {
  readonly method: string;
  readonly path: string;
  /** Undefined for a route that takes none. */
  readonly body: object | undefined;
}

/** Every route, with a path and a body that it answers. */
async function routesOf({ url }: TestServer, headers: Record<string, string> = {}): Promise<readonly Route[]> {
  const { paths } = await describedApi(url, headers);
  const described = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => routeOf(method.toUpperCase(), path, operation)),
  );
  // So that the echo backend knows the tokens of other examples.
  const tokenize = described.filter(({ path }) => path === '/tokenize');
  const pages = PAGES.map((path) => ({ method: 'GET', path, body: undefined }));
  return [...tokenize, ...described, ...pages];
}

function routeOf(method: string, path: string, operation: Operation): Route {
  const id = path.startsWith('/v1/models/') ? modelName : 'none';
  return { method, path: path.replace('{id}', id), body: exampleOf(operation) };
}

function ask(server: TestServer, { method, path, body }: Route, sent: Sent = {}): Promise<Answer> {
  const text = body === undefined ? {} : { body: JSON.stringify(body) };
  return send(server.url + path, { method, ...text, ...sent });
}

/** Whether the route gives the model work. */
const isWork = ({ path, body }: Route): boolean => body !== undefined && !MANAGEMENT.includes(path);

/** What an answer comes to: its status, and the code of its error. */
function outcomeOf({ status, text }: Answer): string {
  return `${status} ${/"code":"(\w+)"/.exec(text)?.[1] ?? ''}`;
}

/** The paths by which clients mean the same route. */
function spellingsOf(path: string): readonly string[] {
  const bare = path.replace(/^\/v1(?=\/)/, '');
  return [`/${path}/`, bare, `/v1/v1${bare}`, `/v1/${bare}/`];
}

/** The methods of each path. */
function methodsOf(routes: readonly Route[]): ReadonlyMap<string, ReadonlySet<string>> {
  const methods = new Map<string, Set<string>>();
  for (const { method, path } of routes) methods.set(path, (methods.get(path) ?? new Set()).add(method));
  return methods;
}

describe('every route', () => {
  it('is found with and without /v1, with a slash at the end, and with slashes too many', async () => {
    const server = await serve(all);
    for (const route of await routesOf(server)) {
      const expected = outcomeOf(await ask(server, route));
      expect([route.path, expected]).not.toEqual([route.path, expect.stringMatching(/route_not_found|^405|^5/)]);
      for (const path of spellingsOf(route.path)) {
        expect([path, outcomeOf(await ask(server, { ...route, path }))]).toEqual([path, expected]);
      }
    }
  });

  it('answers HEAD as GET, without a body', async () => {
    const server = await serve(all);
    for (const route of (await routesOf(server)).filter(({ method }) => method === 'GET')) {
      const get = await ask(server, route);
      const head = await ask(server, { ...route, method: 'HEAD' });
      const told = [route.path, head.status, head.headers['content-type'], head.text];
      expect(told).toEqual([route.path, get.status, get.headers['content-type'], '']);
    }
  });

  it('answers OPTIONS with its methods, and other methods with 405 and them', async () => {
    const server = await serve(all);
    for (const [path, methods] of methodsOf(await routesOf(server))) {
      const allowed = [...methods, ...(methods.has('GET') ? ['HEAD'] : []), 'OPTIONS'].toSorted();
      const options = await send(server.url + path, { method: 'OPTIONS' });
      expect([path, options.status, options.headers['allow']?.split(', ').toSorted()]).toEqual([path, 204, allowed]);
      for (const method of ['PUT', 'PATCH']) {
        const refused = await send(server.url + path, { method, body: '{}' });
        expect([path, refused.status, refused.headers['allow']?.split(', ').toSorted()]).toEqual([path, 405, allowed]);
        expect(JSON.parse(refused.text)).toHaveProperty('error');
      }
    }
  });

  it("answers with the request's id where it is harmless, and else with one of its own", async () => {
    const server = await serve(all);
    const routes = await routesOf(server);
    for (const route of [...routes, { method: 'GET', path: '/nothing', body: undefined }]) {
      const ids = [];
      for (const id of ['mine:1', 'not mine', 'x'.repeat(129)]) {
        ids.push((await ask(server, route, { headers: { 'x-request-id': id } })).headers['x-request-id']);
      }
      const own = expect.stringMatching(/^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/) as string;
      expect([route.path, ...ids]).toEqual([route.path, 'mine:1', own, own]);
    }
  });

  it('that takes a body takes it compressed', async () => {
    const server = await serve(all);
    for (const route of (await routesOf(server)).filter(({ body }) => body !== undefined)) {
      const body = gzipSync(JSON.stringify(route.body));
      const answer = await ask(server, route, { body, headers: { 'content-encoding': 'gzip' } });
      expect([route.path, outcomeOf(answer)]).toEqual([route.path, outcomeOf(await ask(server, route))]);
    }
  });

  it('that gives the model work is refused when there is too much, and says when to come back', async () => {
    const gate = new Gate();
    const settings = { ...all.settings, maxPendingRequests: 1 };
    const server = await serve({ settings, beforeDelta: () => gate.opened });
    const routes = (await routesOf(server)).filter(isWork);
    openChat(server.url, 'one two');
    await turnUntil(() => server.generateRequests.length === 1);
    for (const route of routes) {
      const answer = await ask(server, route);
      const told = [route.path, answer.status, answer.headers['retry-after']];
      expect(told).toEqual([route.path, 429, expect.stringMatching(/^[1-9]\d*$/)]);
    }
    gate.open();
  });

  it('needs a key where the server has keys, but for its health', async () => {
    const server = await serve({ settings: { ...all.settings, apiKeys: ['secret'] } });
    const open = new Set(['/health', '/v1/health', '/ping']);
    for (const route of await routesOf(server, { 'x-api-key': 'secret' })) {
      const { status, headers } = await ask(server, route);
      const expected = open.has(route.path) ? [200, undefined] : [401, 'Bearer realm="vserve"'];
      expect([route.path, status, headers['www-authenticate']]).toEqual([route.path, ...expected]);
    }
  });
});

it.each([
  '/health/../v1/models',
  '/health/%2e%2e/v1/models',
  '/health/..%2fv1/models',
  '//v1/models',
  '/%76%31/models',
  '/v1/models?path=/health',
  '/v1/models#/health',
  '/v1/models;/health',
  '/v1/models/../../health/../v1/models',
  '/playground/../v1/models',
  '/playground/..%2f..%2fpackage.json',
  '/v1/./models',
  '\\v1\\models',
  'http://localhost/v1/models',
])('no other way of writing a path leads in without a key: %s', async (path) => {
  const server = await serve({ settings: { ...all.settings, apiKeys: ['secret'] } });
  const { status, text } = await send(server.url, { path });
  expect([400, 401, 404]).toContain(status);
  expect(text).not.toContain(modelName);
});
