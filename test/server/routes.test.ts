import { NotFoundError } from 'openai';
import { describe, expect, it } from 'vitest';
import { chatBody, send } from './support/http.ts';
import { modelName, serve } from './support/serve.ts';

function errorOf(text: string): unknown {
  return (JSON.parse(text) as { error: unknown }).error;
}

describe('models', () => {
  /** What clients of OpenAI's, vLLM's, OpenRouter's, llama-server's and Ollama's models look for. */
  const model = {
    id: modelName,
    object: 'model',
    created: expect.any(Number) as number,
    owned_by: 'vserve',
    max_model_len: 8192,
    root: modelName,
    parent: null,
    name: modelName,
    context_length: 8192,
    architecture: {
      modality: 'text+image->text',
      input_modalities: ['text', 'image', 'file'],
      output_modalities: ['text'],
    },
    supported_parameters: expect.arrayContaining(['temperature', 'max_tokens']) as string[],
    top_provider: { context_length: 8192, max_completion_tokens: 8192, is_moderated: false },
    meta: { n_ctx: 8192 },
    capabilities: expect.arrayContaining(['completion', 'vision', 'multimodal']) as string[],
    details: {
      parent_model: '',
      format: 'gguf',
      family: '',
      families: ['clip'],
      parameter_size: '',
      quantization_level: '',
      context_length: 8192,
    },
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
  it.each(['/health', '/v1/health', '/ping'])('%s says that all is well', async (path) => {
    const { url } = await serve();
    expect(await send(`${url}${path}`)).toMatchObject({ status: 200, text: '{"status":"ok"}' });
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
  it.each(['/', '/v1', '/v1/nothing', '/v1/models/../..', '/nothing%0Ahere', '/..%2f..', '/a\\b'])(
    'is a 404: %s',
    async (path) => {
      const { url } = await serve({ settings: { apiTypes: ['openai'] } });
      const { status, text } = await send(url + path);
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
    ['/infill', /POST \/completion\./],
    ['/v1/rerank', /POST \/v1\/embeddings/],
    ['/metrics', /--metrics-endpoint-port/],
    ['/v1/audio/transcriptions/', /text and embeddings only/],
  ])('may be a route of another server: %s', async (path, advice) => {
    const { url } = await serve();
    const { status, text } = await send(url + path, { method: 'POST', body: '{}' });
    expect([status, errorOf(text)]).toMatchObject([404, { message: expect.stringMatching(advice) as string }]);
  });

  it.each([
    ['/v1/chat/completion', 'POST /v1/chat/completions'],
    ['/v1/chat/completions/chat/completions', 'POST /v1/chat/completions'],
    ['/openai/v1/models', 'GET /v1/models'],
    ['/v1/message', 'POST /v1/messages'],
    ['/health/more', 'GET /health'],
  ])('may be near something that is: %s', async (path, nearest) => {
    const { url } = await serve();
    const { status, text } = await send(url + path);
    expect([status, errorOf(text)]).toMatchObject([
      404,
      { message: `There is no GET ${path} here. The nearest route is ${nearest}.` },
    ]);
  });

  it.each([
    ['GET', '/v1/chat/completions', 'POST, OPTIONS'],
    ['HEAD', '/v1/chat/completions', 'POST, OPTIONS'],
    ['PUT', '/v1/chat/completions', 'POST, OPTIONS'],
    ['POST', '/v1/models', 'GET, HEAD, OPTIONS'],
    ['DELETE', `/v1/models/${modelName}`, 'GET, HEAD, OPTIONS'],
  ])('is a 405: %s %s', async (method, path, allow) => {
    const { url } = await serve();
    const { status, headers, text } = await send(`${url}${path}`, { method });
    expect([status, headers.allow]).toEqual([405, allow]);
    if (method !== 'HEAD') expect(errorOf(text)).toMatchObject({ code: 'method_not_allowed', param: null });
  });
});

describe('OPTIONS', () => {
  it('is answered, whether or not it comes with a body', async () => {
    const { url } = await serve();
    const headers = { 'content-length': '2' };
    for (const sent of [{}, { body: '{}', headers }]) {
      const { status, headers: answered } = await send(`${url}/v1/models`, { method: 'OPTIONS', ...sent });
      expect([status, answered.allow]).toEqual([204, 'GET, HEAD, OPTIONS']);
    }
  });

  it.each([
    ['/v1/chat/completions', 'POST, OPTIONS'],
    ['/health', 'GET, HEAD, OPTIONS'],
    ['/', 'GET, HEAD, POST, OPTIONS'],
  ])('says which methods %s has', async (path, allow) => {
    const { url } = await serve();
    expect(await send(url + path, { method: 'OPTIONS' })).toMatchObject({ status: 204, headers: { allow }, text: '' });
  });

  it('is a 404 where there is nothing', async () => {
    const { url } = await serve();
    expect((await send(`${url}/nothing`, { method: 'OPTIONS' })).status).toBe(404);
  });
});

describe('a path', () => {
  it.each(['/v1/models', '/v1/models/', '//v1/models', '/v1//models', '/models', '/models/', '/v1/v1/models'])(
    'may be written %s',
    async (path) => {
      const { url } = await serve();
      expect(JSON.parse((await send(url + path)).text)).toMatchObject({ object: 'list' });
    },
  );

  it.each(['/v1/chat/completions/', '//v1/chat/completions', '/chat/completions', '/v1//v1/chat/completions'])(
    'of chat completions may be written %s',
    async (path) => {
      const { url } = await serve();
      const { status, text } = await send(url + path, { method: 'POST', body: chatBody('hi') });
      expect([status, text]).toEqual([200, expect.stringContaining('"content":"hi"')]);
    },
  );

  it.each(['/v1/version', '/version/'])('without a version may have one: %s', async (path) => {
    const { url } = await serve();
    expect(JSON.parse((await send(url + path)).text)).toEqual({ version: '1.2.3' });
  });

  it.each([`/models/${modelName}`, `/v1/models/${modelName}/`, `/v1/v1/models/${modelName}`])(
    'of a model may be written %s',
    async (path) => {
      const { url } = await serve();
      expect(JSON.parse((await send(url + path)).text)).toMatchObject({ id: modelName });
    },
  );
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

describe('the headers of a response', () => {
  it("have OpenAI's time, on its routes, errors too", async () => {
    const { url } = await serve();
    for (const sent of [{}, { method: 'POST', body: '{' }, { method: 'POST', body: chatBody('a', { stream: true }) }]) {
      const { headers } = await send(`${url}/chat/completions`, sent);
      expect(headers['openai-processing-ms']).toMatch(/^\d+$/);
      expect(headers).not.toHaveProperty('request-id');
    }
    expect((await send(`${url}/health`)).headers).not.toHaveProperty('openai-processing-ms');
  });

  it("have the id where Anthropic's library looks for it", async () => {
    const { url } = await serve();
    const { headers } = await send(`${url}/v1/models`, { headers: { 'anthropic-version': '2023-06-01' } });
    expect(headers['request-id']).toBe(headers['x-request-id']);
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

describe('the prefix cache', () => {
  it('is reset where the backend has one, and said to be missing where not', async () => {
    const { url } = await serve();
    const { status, text } = await send(`${url}/reset_prefix_cache`, { method: 'POST' });
    expect([status, errorOf(text)]).toMatchObject([400, { code: 'unsupported_capability' }]);
    expect((await send(`${url}/reset_prefix_cache`)).status).toBe(405);
  });
});
