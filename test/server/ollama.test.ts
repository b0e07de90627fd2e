import { Ollama } from 'ollama';
import type { ChatResponse, GenerateResponse } from 'ollama';
import { describe, expect, it } from 'vitest';
import { Gate } from '../support/gate.ts';
import { send } from './support/http.ts';
import { scriptedModel } from './support/scripted-model.ts';
import { modelName, serve, serveModel } from './support/serve.ts';

const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC';
const model = modelName;
const ask = (content: string) => ({ role: 'user', content });
const tool = {
  type: 'function',
  function: {
    name: 'look',
    description: 'Looks at a place.',
    parameters: { type: 'object', required: ['at'], properties: { at: { type: 'string', description: 'where' } } },
  },
};

const clientOf = ({ url }: { readonly url: string }) => new Ollama({ host: url });

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const parts: T[] = [];
  for await (const part of stream) parts.push(part);
  return parts;
}

const post = (url: string, body: object | string) =>
  send(url, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) });

describe("Ollama's client", () => {
  it('chats about a picture', async () => {
    const server = await serve();
    const messages = [
      { role: 'system', content: 'Look.' },
      { ...ask('what is it?'), images: [Buffer.from(png, 'base64')] },
    ];
    const answer = await clientOf(server).chat({ model, messages, keep_alive: '5m', options: { temperature: 0 } });
    expect(answer).toMatchObject({
      model,
      message: { role: 'assistant', content: '[image 1x1] what is it?' },
      done: true,
      done_reason: 'stop',
      prompt_eval_count: 5,
      eval_count: 4,
      total_duration: expect.any(Number) as number,
    });
    expect(server.generateRequests[0]?.sampling.temperature).toBe(0);
  });

  it('streams a chat', async () => {
    const server = await serve();
    const parts = await all(await clientOf(server).chat({ model, messages: [ask('one two three')], stream: true }));
    expect(parts.map(({ message, done }) => [message.content, done])).toEqual([
      ['one ', false],
      ['two ', false],
      ['three', false],
      ['', true],
    ]);
  });

  it('generates from a prompt, with its pictures, streamed and not', async () => {
    const client = clientOf(await serve());
    const request = { model: `${model}:latest`, prompt: 'what is it?', images: [png] };
    const answer = await client.generate(request);
    expect([answer.response, answer.model]).toEqual(['[image 1x1] what is it?', `${model}:latest`]);
    const parts = await all(await client.generate({ ...request, stream: true }));
    expect(parts.map(({ response }) => response).join('')).toBe(answer.response);
  });

  it('gets thoughts and calls apart, and returns the results', async () => {
    const scripted = scriptedModel(
      { reasoning: 'Where?', text: 'I look. ', calls: [{ name: 'look', arguments: { at: 'left' } }] },
      { text: 'A star.' },
    );
    const client = clientOf(await serveModel(scripted));
    const messages: { role: string; content: string; tool_name?: string }[] = [ask('what?')];
    const { message } = await client.chat({ model, messages, tools: [tool], think: true });
    expect(message).toMatchObject({
      thinking: 'Where?',
      content: 'I look. ',
      tool_calls: [{ function: { name: 'look', arguments: { at: 'left' } } }],
    });
    messages.push(message, { role: 'tool', tool_name: 'look', content: 'a star' });
    const parts = await all(await client.chat({ model, messages, tools: [tool], stream: true }));
    expect(parts.map((part) => part.message.content).join('')).toBe('A star.');
    expect(scripted.requests[1]?.messages.slice(1)).toMatchObject([
      { role: 'assistant', reasoning: 'Where?', toolCalls: [{ name: 'look', arguments: '{"at":"left"}' }] },
      { role: 'tool', name: 'look', content: [{ type: 'text', text: 'a star' }] },
    ]);
  });

  it('asks for a format and for log probabilities', async () => {
    const scripted = scriptedModel({ text: '{"n":1}' });
    const client = clientOf(await serveModel(scripted));
    const schema = { type: 'object', properties: { n: { type: 'integer' } } };
    const answer = await client.chat({ model, messages: [ask('n?')], format: schema, logprobs: true, top_logprobs: 1 });
    expect(JSON.parse(answer.message.content)).toEqual({ n: 1 });
    expect(answer.logprobs?.map(({ token }) => token).join('')).toBe('{"n":1}');
    expect(answer.logprobs?.[0]?.top_logprobs).toHaveLength(1);
    expect(scripted.requests[0]).toMatchObject({ format: { type: 'json-schema', schema }, logProbs: 1 });
  });

  it('lists, shows and finds running the one model', async () => {
    const client = clientOf(await serve());
    const tagged = `${model}:latest`;
    expect((await client.list()).models).toMatchObject([
      {
        name: tagged,
        model: tagged,
        capabilities: expect.arrayContaining(['completion', 'vision']) as string[],
        details: { format: 'gguf' },
      },
    ]);
    expect((await client.ps()).models).toMatchObject([{ name: tagged, size_vram: 0, context_length: 8192 }]);
    for (const name of [model, tagged]) {
      const shown = await client.show({ model: name });
      expect(shown).toMatchObject({
        capabilities: expect.arrayContaining(['completion', 'vision']) as string[],
        parameters: expect.stringMatching(/^num_ctx +8192$/m) as string,
        model_info: { 'general.architecture': 'unknown', 'unknown.context_length': 8192 },
      });
    }
    expect((await client.version()).version).toMatch(/^0\.\d+\.\d+$/);
  });

  it('loads the model, and cannot unload it', async () => {
    const server = await serve();
    const client = clientOf(server);
    expect(await client.generate({ model, prompt: '', keep_alive: -1 })).toMatchObject({ done_reason: 'load' });
    expect(await client.chat({ model, messages: [] })).toMatchObject({ done: true, done_reason: 'load' });
    await expect(client.generate({ model, prompt: '', keep_alive: 0 })).rejects.toThrow(/Stop the server/);
    expect(server.generateRequests).toEqual([]);
  });

  it('finds the served model pulled, and is told how to get another', async () => {
    const client = clientOf(await serve());
    expect(await client.pull({ model })).toEqual({ status: 'success' });
    expect(await all(await client.pull({ model, stream: true }))).toEqual([{ status: 'success' }]);
    const advice = /vserve serve --model/;
    await expect(client.pull({ model: 'qwen3-vl' })).rejects.toThrow(advice);
    await expect(client.push({ model })).rejects.toThrow(advice);
    await expect(client.create({ model, from: 'qwen3-vl' })).rejects.toThrow(advice);
    await expect(client.copy({ source: model, destination: 'b' })).rejects.toThrow(advice);
    await expect(client.delete({ model })).rejects.toThrow(advice);
  });

  it('embeds texts, in both routes, and as few dimensions as it wants', async () => {
    const client = clientOf(await serve());
    const { embeddings, prompt_eval_count } = await client.embed({ model, input: ['one two', 'three'] });
    expect([embeddings.length, prompt_eval_count]).toEqual([2, 3]);
    const { embedding } = await client.embeddings({ model, prompt: 'one two' });
    expect(embedding).toEqual(embeddings[0]);
    const short = await client.embed({ model, input: 'one two', dimensions: 2, truncate: false });
    expect(short.embeddings[0]).toHaveLength(2);
    expect(Math.hypot(...(short.embeddings[0] ?? []))).toBeCloseTo(1, 5);
    await expect(client.embed({ model, input: 'a', dimensions: 1e6 })).rejects.toThrow(/dimensions must be at most/);
    await expect(client.embed({ model: 'other', input: 'a' })).rejects.toMatchObject({ status_code: 404 });
    const mute = clientOf(await serve({ info: { capabilities: { vision: true } } }));
    await expect(mute.embed({ model, input: 'a' })).rejects.toThrow(/\bno embeddings/);
  });

  it('sees errors with their statuses', async () => {
    const client = clientOf(await serve());
    await expect(client.chat({ model: 'other', messages: [ask('hi')] })).rejects.toMatchObject({
      name: 'ResponseError',
      status_code: 404,
      error: expect.stringContaining('"other" is not served here') as string,
    });
    await expect(client.show({ model: 'other' })).rejects.toMatchObject({ status_code: 404 });
    await expect(client.chat({ model, messages: [ask('hi')], tools: [tool] })).rejects.toMatchObject({
      status_code: 400,
      error: expect.stringContaining('tools') as string,
    });
    await expect(client.generate({ model, prompt: 'hi', suffix: 'end' })).rejects.toThrow(/^suffix: /);
  });

  it('sees an error in a stream that has begun', async () => {
    const server = await serve({
      beforeDelta: (index) => {
        if (index === 1) throw new Error('Broken.');
      },
    });
    const stream = await clientOf(server).chat({ model, messages: [ask('one two')], stream: true });
    const seen: string[] = [];
    const reading = (async () => {
      for await (const { message } of stream) seen.push(message.content);
    })();
    await expect(reading).rejects.toThrow(/server failed/);
    expect(seen).toEqual(['one ']);
  });

  it('ends a generation by aborting', async () => {
    const ended = new Gate();
    const held = new Gate();
    const server = await serve({
      beforeDelta: (index) => (index === 1 ? held.opened : undefined),
      onEndEarly: () => ended.open(),
    });
    const stream = await clientOf(server).chat({ model, messages: [ask('one two')], stream: true });
    const reading = (async () => {
      for await (const _ of stream) stream.abort();
    })();
    await expect(reading).rejects.toThrow(/abort/i);
    await ended.opened;
  });
});

describe('what programs send', () => {
  const messages = [ask('turn on the light')];
  const listed = `${model}:latest`;
  /** From their sources. */
  const requests: readonly [client: string, path: string, body: object][] = [
    [
      'Home Assistant, a conversation',
      '/api/chat',
      { model: listed, messages, stream: true, keep_alive: '-1s', options: { num_ctx: 8192 }, think: false, tools: [] },
    ],
    ['Open WebUI, a chat', '/api/chat', { model: listed, messages, options: {}, stream: true }],
    [
      'Open WebUI, advanced settings',
      '/api/chat',
      {
        model: listed,
        messages: [{ ...ask('what?'), images: [png] }],
        stream: true,
        keep_alive: '10m',
        options: { num_ctx: 2048, num_predict: 128, temperature: 0.8, top_k: 40, mirostat: 0, stop: ['x'], tfs_z: 1 },
      },
    ],
    ['Open WebUI, a title', '/api/chat', { model: listed, messages, stream: false, options: { num_predict: 1000 } }],
    ['Continue, a chat', '/api/chat', { model, messages, options: { num_ctx: 8192 }, keep_alive: 1800, stream: true }],
    [
      'Continue, a completion',
      '/api/generate',
      { model, prompt: 'a b', raw: false, options: {}, keep_alive: 1800, stream: true },
    ],
    ['llm-ollama', '/api/chat', { model: listed, messages, stream: true, options: { temperature: 0.5 }, tools: [] }],
    ['Frigate', '/api/generate', { model, prompt: 'Describe it.', images: [png], stream: false, options: {} }],
  ];

  it.each(requests)('%s is answered', async (_client, path, body) => {
    const { url } = await serve();
    const { status, headers, text } = await post(url + path, body);
    expect([status, text]).toEqual([200, expect.stringContaining('"done":true')]);
    const isStream = !('stream' in body) || body.stream === true;
    expect(headers['content-type']).toContain(isStream ? 'application/x-ndjson' : 'application/json');
    const parts = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as ChatResponse & GenerateResponse);
    expect(parts.at(-1)?.done_reason).toBe('stop');
  });

  it('Home Assistant, a task with a structure', async () => {
    const scripted = scriptedModel({ text: '{"on":true}' });
    const { url } = await serveModel(scripted);
    const format = { type: 'object', properties: { on: { type: 'boolean' } }, required: ['on'] };
    const options = { num_ctx: 100 };
    const { status } = await post(`${url}/api/chat`, {
      model: listed,
      messages,
      stream: true,
      format,
      think: false,
      options,
    });
    expect([status, scripted.requests[0]?.format.type]).toEqual([200, 'json-schema']);
  });

  it('Continue, what the model is', async () => {
    const { url } = await serve();
    const { status, text } = await post(`${url}/api/show`, { name: model });
    expect([status, JSON.parse(text)]).toMatchObject([200, { details: {}, template: '' }]);
  });
});

describe('the root', () => {
  it('greets those who look for Ollama, and not browsers', async () => {
    const { url } = await serve();
    expect(await send(url)).toMatchObject({ status: 200, text: 'Ollama is running' });
    expect(await send(url, { method: 'HEAD' })).toMatchObject({ status: 200, text: '' });
    const page = await send(url, { headers: { accept: 'text/html,application/xhtml+xml' } });
    expect([page.status, page.text]).not.toEqual([200, 'Ollama is running']);
  });
});

describe('errors of the routes', () => {
  it.each([
    ['POST', '/api/chat', 'not json', 400],
    ['POST', '/api/generate', '', 400],
    ['GET', '/api/chat', undefined, 405],
    ['POST', '/api/nothing', '{}', 404],
    ['POST', '/api/blobs/sha256:abc', 'GGUF', 400],
  ])('are texts: %s %s %j', async (method, path, body, status) => {
    const { url } = await serve();
    const answer = await send(url + path, { method, ...(body === undefined ? {} : { body }) });
    expect([answer.status, JSON.parse(answer.text)]).toEqual([status, { error: expect.any(String) as string }]);
  });

  it('are there only with the routes', async () => {
    const { url } = await serve({ settings: { apiTypes: ['openai'] } });
    for (const path of ['/', '/api/tags', '/api/version']) expect((await send(url + path)).status).toBe(404);
    expect((await post(`${url}/api/chat`, { model, messages: [] })).status).toBe(404);
  });
});
