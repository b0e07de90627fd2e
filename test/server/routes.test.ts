import { NotFoundError } from 'openai';
import { describe, expect, it } from 'vitest';
import { openSocket, readUntil, send } from './support/http.ts';
import { modelName, serve } from './support/serve.ts';

function errorOf(text: string): unknown {
  return (JSON.parse(text) as { error: unknown }).error;
}

describe('models', () => {
  const model = {
    id: modelName,
    object: 'model',
    created: expect.any(Number) as number,
    owned_by: 'vserve',
    max_model_len: 8192,
    architecture: { input_modalities: ['text', 'image'], output_modalities: ['text'] },
  };

  it('are the one that is served', async () => {
    const { client } = await serve();
    const list = await client.models.list();
    expect([list.object, list.data]).toEqual(['list', [model]]);
  });

  it('say what they hold and see', async () => {
    const info = { contextLength: 100, capabilities: { vision: false } };
    const { client } = await serve({ info });
    expect((await client.models.list()).data).toMatchObject([
      { max_model_len: 100, architecture: { input_modalities: ['text'] } },
    ]);
  });

  it('are found by their id, its slash encoded or not', async () => {
    const { client, url } = await serve();
    expect(await client.models.retrieve(modelName)).toEqual(model);
    for (const id of [modelName, encodeURIComponent(modelName), 'google/gemma%2D3-4b-it']) {
      const { status, text } = await send(`${url}/v1/models/${id}`);
      expect([status, JSON.parse(text)]).toEqual([200, model]);
    }
  });

  it('are not found by another', async () => {
    const { client, url } = await serve();
    await expect(client.models.retrieve('google/gemma')).rejects.toBeInstanceOf(NotFoundError);
    for (const id of ['x', 'google', `${modelName}/x`, '%ff', '%', encodeURIComponent('"<')]) {
      const { status, text } = await send(`${url}/v1/models/${id}`);
      expect([status, errorOf(text)]).toEqual([
        404,
        expect.objectContaining({ code: 'model_not_found', param: 'model' }),
      ]);
    }
  });
});

describe('small routes', () => {
  it.each(['/health', '/v1/health'])('%s is empty', async (path) => {
    const { url } = await serve();
    expect(await send(`${url}${path}`)).toMatchObject({ status: 200, text: '' });
  });

  it('/version says the version', async () => {
    const { url } = await serve();
    expect(JSON.parse((await send(`${url}/version`)).text)).toEqual({ version: '1.2.3' });
  });

  it('answer HEAD as GET, without a body', async () => {
    const { url } = await serve();
    for (const path of ['/health', '/version', '/v1/models', `/v1/models/${modelName}`]) {
      expect(await send(`${url}${path}`, { method: 'HEAD' })).toMatchObject({ status: 200, text: '' });
    }
    expect(await send(`${url}/nothing`, { method: 'HEAD' })).toMatchObject({ status: 404, text: '' });
  });
});

describe('what is not there', () => {
  it.each(['/', '/v1', '/v1/completions', '/v1/chat/completions/', '/v1/models/', '/nothing%0Ahere', '/..%2f..'])(
    'is a 404: %s',
    async (path) => {
      const { url } = await serve();
      const { status, text } = await send(`${url}${path}`);
      expect([status, errorOf(text)]).toEqual([
        404,
        {
          code: 'route_not_found',
          message: expect.stringMatching(/^There is no GET .* here\. Chat completions are at POST/) as string,
          param: null,
          type: 'not_found_error',
        },
      ]);
    },
  );

  it.each([
    ['GET', '/v1/chat/completions', 'POST'],
    ['HEAD', '/v1/chat/completions', 'POST'],
    ['OPTIONS', '/v1/chat/completions', 'POST'],
    ['PUT', '/v1/chat/completions', 'POST'],
    ['POST', '/v1/models', 'GET, HEAD'],
    ['DELETE', `/v1/models/${modelName}`, 'GET, HEAD'],
    ['OPTIONS', '/health', 'GET, HEAD'],
  ])('is a 405: %s %s', async (method, path, allow) => {
    const { url } = await serve();
    const { status, headers, text } = await send(`${url}${path}`, { method });
    expect([status, headers.allow]).toEqual([405, allow]);
    if (method !== 'HEAD') expect(errorOf(text)).toMatchObject({ code: 'method_not_allowed', param: null });
  });
});

describe('a request id', () => {
  it.each(['abc', 'a-b_c.d:e', 'x'.repeat(128)])("is the client's: %s", async (id) => {
    const { url, log } = await serve();
    const { headers } = await send(`${url}/health`, { headers: { 'x-request-id': id } });
    expect(headers['x-request-id']).toBe(id);
    expect(log).toEqual([expect.stringMatching(new RegExp(`^info ${id} GET /health 200 \\d+\\.\\d ms$`))]);
  });

  it.each(['', 'a b', 'a\tb', 'é', '<script>', 'x'.repeat(129)])('is a new one instead of %j', async (id) => {
    const { url } = await serve();
    const { headers } = await send(`${url}/nothing`, { headers: { 'x-request-id': id } });
    expect(headers['x-request-id']).toMatch(/^[0-9a-f]{8}-[0-9a-f-]{27}$/);
  });
});

describe('the log', () => {
  it('has one line for a request, without its query, header and body', async () => {
    const { url, log } = await serve();
    await send(`${url}/no%0Ahere?key=secret`, {
      method: 'POST',
      headers: { authorization: 'Bearer secret' },
      body: 'secret',
    });
    expect(log).toHaveLength(1);
    expect(log[0]).toMatch(/^info \S+ POST \/no%0Ahere 404 \S+ ms$/);
    expect(log[0]).not.toContain('secret');
  });
});

describe('the wire', () => {
  it.each([
    ['nonsense', 'nonsense\r\n\r\n'],
    ['no host', 'GET /health HTTP/1.1\r\n\r\n'],
    ['a bad host', 'GET /health HTTP/1.1\r\nHost: a b\r\n\r\n'],
    ['a bad length', 'POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n'],
    ['two framings', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ])('refuses %s and goes on', async (_, bytes) => {
    const { url, port } = await serve();
    const socket = await openSocket(port);
    socket.write(bytes);
    expect(await readUntil(socket, /\r\n\r\n/)).toMatch(/^HTTP\/1\.1 400 /);
    socket.destroy();
    expect((await send(`${url}/health`)).status).toBe(200);
  });
});

describe('the prefix cache', () => {
  it('is reset where the backend has one, and said to be missing where not', async () => {
    const { url } = await serve();
    const { status, text } = await send(`${url}/reset_prefix_cache`, { method: 'POST' });
    expect([status, errorOf(text)]).toMatchObject([400, { code: 'unsupported_capability' }]);
    expect((await send(`${url}/reset_prefix_cache`)).status).toBe(405);
  });
});
