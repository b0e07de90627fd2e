import { hostname } from 'node:os';
import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import type { RequestContext } from '../../src/server/access-log.ts';
import { browserGuard } from '../../src/server/browser-guard.ts';
import { errorResponse } from '../../src/server/error-response.ts';
import type { ServerSettings } from '../../src/server/index.ts';
import { chatBody, send } from './support/http.ts';
import { serve } from './support/serve.ts';

interface Asked {
  readonly headers: Readonly<Record<string, string>>;
  readonly method?: string;
  readonly path?: string;
  readonly settings?: Partial<ServerSettings>;
}

async function ask({ headers, method = 'POST', path = '/v1/chat/completions', settings = {} }: Asked) {
  const server = await serve({ settings });
  const body = method === 'POST' ? { body: chatBody('hi') } : {};
  const host = headers['host'] === undefined ? {} : { host: headers['host'].replace('PORT', `${server.port}`) };
  const answer = await send(server.url + path, { method, headers: { ...headers, ...host }, ...body });
  return { ...answer, generated: server.generateRequests.length, log: server.log };
}

function codeOf(text: string): unknown {
  return (JSON.parse(text) as { error: { code: unknown } }).error.code;
}

/** What a page of another site can have a browser send without asking first. */
const foreign = { origin: 'https://evil.example', 'content-type': 'text/plain', 'sec-fetch-site': 'cross-site' };

describe('a web page of another site', () => {
  it.each([
    ['by a form or a simple request', foreign],
    ['in an old browser', { origin: 'https://evil.example', 'content-type': 'text/plain' }],
    ['from a sandbox, a file or a redirect', { origin: 'null' }],
    ['from another port of the same machine', { origin: 'http://127.0.0.1:3000', 'sec-fetch-site': 'same-site' }],
    ['with JSON', { ...foreign, 'content-type': 'application/json' }],
    ['as an element that it embeds', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }],
    [
      'as a form that it opens',
      { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' },
    ],
    ['whose own name leads here', { origin: 'http://evil.example:PORT', host: 'evil.example:PORT' }],
  ])('cannot have the model work: %s', async (_, headers) => {
    const { status, text, generated, log } = await ask({ headers });
    expect([status, codeOf(text), generated]).toEqual([403, expect.stringMatching(/^origin_not_allowed$/), 0]);
    expect(text).toContain('--allowed-origin');
    expect(log[0]).toMatch(/ POST \/v1\/chat\/completions 403 .*origin_not_allowed: /);
  });

  it('cannot have it forget', async () => {
    const { status } = await ask({ headers: foreign, path: '/reset_prefix_cache' });
    expect(status).toBe(403);
  });

  it('is told so when it asks first', async () => {
    const headers = { origin: 'https://evil.example', 'access-control-request-method': 'POST' };
    const answer = await ask({ headers, method: 'OPTIONS' });
    expect(answer.status).toBe(403);
    expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
  });

  it('may have a link that is followed', async () => {
    const headers = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
    expect((await ask({ headers, method: 'GET', path: '/v1/models' })).status).toBe(200);
  });
});

describe('a page that has its own name lead here', () => {
  const rebound = { origin: 'http://evil.example:8000', host: 'evil.example:8000', 'sec-fetch-site': 'same-origin' };

  it('is of the same origin, and refused by its name', async () => {
    const { status, text, generated } = await ask({ headers: rebound });
    expect([status, codeOf(text), generated]).toEqual([403, 'host_not_allowed', 0]);
    expect(text).toContain('--allowed-host evil.example');
    for (const sign of [{ 'sec-fetch-site': 'same-origin' }, { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64)' }]) {
      const read = { host: 'evil.example', ...sign };
      expect((await ask({ headers: read, method: 'GET', path: '/v1/models' })).status).toBe(403);
    }
  });

  it.each(['evil.example', 'EVIL.example', '*.example', '*'])(
    'is let in where the name is allowed: %s',
    async (name) => {
      expect((await ask({ headers: rebound, settings: { allowedHosts: [name] } })).status).toBe(200);
    },
  );

  it.each(['evil', 'xevil.example', 'evil.example.org', 'evilxexample'])('is not let in by %s', async (name) => {
    expect((await ask({ headers: rebound, settings: { allowedHosts: [name] } })).status).toBe(403);
  });
});

describe('a page of the server itself', () => {
  it.each([
    'localhost:8000',
    '127.0.0.1:8000',
    '[::1]:8000',
    '192.0.2.7',
    'app.localhost',
    hostname(),
    `${hostname()}.local`,
  ])('may use it, at %s', async (host) => {
    for (const scheme of ['http', 'https']) {
      const headers = { origin: `${scheme}://${host}`, host, 'sec-fetch-site': 'same-origin' };
      expect((await ask({ headers })).status).toBe(200);
    }
  });
});

/** The status of a request to a server that listens on these hosts. */
async function statusAt(hosts: readonly string[], headers: Readonly<Record<string, string>>): Promise<number> {
  const app = new Hono<RequestContext>();
  app.use(browserGuard({ hosts, allowedHosts: [], allowedOrigins: [] }));
  app.post('/', ({ body }) => body('done'));
  app.onError((error) => errorResponse(error));
  const socket = { remoteAddress: hosts.every((host) => host.startsWith('/')) ? undefined : '127.0.0.1' };
  const response = await app.request('/', { method: 'POST', headers, body: '{}' }, { incoming: { socket } });
  return response.status;
}

describe('a client that is no browser', () => {
  it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/json'])(
    'may name any host of a server on the network, and send %s',
    async (type) => {
      const headers = { host: 'proxy.example', 'content-type': type };
      expect(await statusAt(['0.0.0.0'], headers)).toBe(200);
      expect(await statusAt(['127.0.0.1', '192.0.2.1'], headers)).toBe(200);
      // Node's fetch.
      expect(await statusAt(['0.0.0.0'], { ...headers, 'user-agent': 'node', 'sec-fetch-mode': 'cors' })).toBe(200);
      expect(await statusAt(['/run/vserve.sock'], headers)).toBe(200);
    },
  );

  // A page can hide that it is one, where it only reads.
  it('must name a server that only this machine reaches by a name of it', async () => {
    for (const host of ['proxy.example', 'localhost.example', 'xinternal']) {
      const { status, text } = await ask({ headers: { host }, method: 'GET', path: '/v1/models' });
      expect([status, codeOf(text)]).toEqual([403, 'host_not_allowed']);
      expect(await statusAt(['127.0.0.1', '::1', 'localhost'], { host })).toBe(403);
    }
    for (const host of ['localhost', '127.0.0.1:80', 'host.docker.internal:8000']) {
      expect((await ask({ headers: { host } })).status).toBe(200);
    }
    const settings = { allowedHosts: ['proxy.example'] };
    expect((await ask({ headers: { host: 'proxy.example' }, settings })).status).toBe(200);
  });
});

describe('an old browser, which tells nothing of the page', () => {
  const browser = { 'user-agent': 'Mozilla/5.0 (Windows NT 6.1)' };

  it.each([
    ['text/plain', 415],
    ['Text/Plain;charset=utf-8', 415],
    ['application/x-www-form-urlencoded', 415],
    ['multipart/form-data; boundary=x', 415],
    ['application/json', 200],
    ['application/vnd.api+json', 200],
  ])('sending %s gets %i', async (type, status) => {
    const answer = await ask({ headers: { ...browser, 'content-type': type } });
    expect([answer.status, answer.generated]).toEqual([status, status === 200 ? 1 : 0]);
  });

  it('sending no type gets 415', async () => {
    const { status, text } = await ask({ headers: browser, path: '/reset_prefix_cache' });
    expect([status, codeOf(text)]).toEqual([415, 'unsupported_media_type']);
  });
});

describe('a page of an allowed origin', () => {
  const settings = { allowedOrigins: ['https://app.example', 'http://localhost:*'] };

  it.each(['https://app.example', 'http://localhost:3000'])(
    'may use the server, and read its answers: %s',
    async (origin) => {
      const { status, headers } = await ask({ headers: { ...foreign, origin }, settings });
      expect([status, headers['access-control-allow-origin'], headers['vary']]).toEqual([200, origin, 'Origin']);
      expect(headers['access-control-expose-headers']).toContain('x-request-id');
      const refused = await ask({ headers: { origin }, settings, path: '/nothing' });
      expect([refused.status, refused.headers['access-control-allow-origin']]).toEqual([404, origin]);
    },
  );

  it('may ask first', async () => {
    const { status, headers } = await ask({
      headers: {
        origin: 'https://app.example',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type,anthropic-version,x-stainless-os',
      },
      method: 'OPTIONS',
      settings,
    });
    expect([status, headers]).toEqual([
      204,
      expect.objectContaining({
        'access-control-allow-origin': 'https://app.example',
        'access-control-allow-methods': 'GET,HEAD,POST,DELETE',
        'access-control-allow-headers': 'authorization,content-type,anthropic-version,x-stainless-os',
      }),
    ]);
  });

  it.each([
    'http://app.example',
    'https://app.example.evil.example',
    'https://app.example:444',
    'http://localhost.evil.example:1',
  ])('is not %s', async (origin) => {
    expect((await ask({ headers: { origin }, settings })).status).toBe(403);
  });

  it('may read why a key is needed', async () => {
    const headers = { origin: 'https://app.example' };
    const answer = await ask({ headers, settings: { ...settings, apiKeys: ['secret'] } });
    expect([answer.status, answer.headers['access-control-allow-origin']]).toEqual([401, 'https://app.example']);
  });

  it('is any with *', async () => {
    expect((await ask({ headers: foreign, settings: { allowedOrigins: ['*'] } })).status).toBe(200);
  });
});
