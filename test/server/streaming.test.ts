import { once } from 'node:events';
import type OpenAI from 'openai';
import { APIError } from 'openai';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { VserveError } from '../../src/errors/index.ts';
import { Gate } from '../support/gate.ts';
import { answerTo, open, openChat, rawChat, chatBody, openSocket, readUntil, send } from './support/http.ts';
import type { TestServer } from './support/serve.ts';
import { modelName, serve } from './support/serve.ts';
import { turnUntil } from './support/turn-until.ts';

async function streamed({ client }: TestServer, content: string, include_usage?: boolean) {
  const chunks: OpenAI.ChatCompletionChunk[] = [];
  const stream = await client.chat.completions.create({
    model: modelName,
    messages: [{ role: 'user', content }],
    stream: true,
    ...(include_usage === undefined ? {} : { stream_options: { include_usage } }),
  });
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

/** Lets the mocked time pass, and the event loop turn until as much was sent as is expected. */
async function afterSeconds(seconds: number, sent: () => string, expected: string): Promise<void> {
  await vi.advanceTimersByTimeAsync(seconds * 1000);
  await turnUntil(() => sent().length >= expected.length);
  expect(sent()).toBe(expected);
}

describe('a stream', () => {
  it("is OpenAI's, for OpenAI's client", async () => {
    const chunks = await streamed(await serve(), 'Hello wörld');
    const [first] = chunks;
    const envelope = {
      id: first?.id,
      object: 'chat.completion.chunk',
      created: first?.created,
      model: modelName,
      system_fingerprint: 'vserve-1.2.3',
    };
    expect(first?.id).toMatch(/^chatcmpl-[0-9a-f]{32}$/);
    const choice = (delta: object, finish_reason: string | null) => ({
      ...envelope,
      choices: [{ index: 0, delta, logprobs: null, finish_reason }],
    });
    expect(chunks).toEqual([
      choice({ role: 'assistant', content: '' }, null),
      choice({ content: 'Hello ' }, null),
      choice({ content: 'wörld' }, null),
      { ...choice({}, 'stop'), timings: expect.objectContaining({ prompt_n: 2, predicted_n: 2 }) as object },
    ]);
  });

  it('ends with the usage where that is asked for', async () => {
    const server = await serve();
    const chunks = await streamed(server, 'Hello world', true);
    expect(chunks.map(({ choices, usage }) => [choices.length, usage])).toEqual([
      [1, null],
      [1, null],
      [1, null],
      [1, null],
      [0, expect.objectContaining({ prompt_tokens: 2, completion_tokens: 2, total_tokens: 4 })],
    ]);
    for (const chunk of await streamed(server, 'Hello world', false)) expect(chunk).not.toHaveProperty('usage');
  });

  it('is server-sent events, byte by byte', async () => {
    const { url } = await serve();
    const { status, headers, text } = await send(`${url}/v1/chat/completions`, {
      method: 'POST',
      body: chatBody('one\n\ntwo', { stream: true }),
    });
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      'transfer-encoding': 'chunked',
      'x-request-id': expect.any(String) as string,
    });
    const events = text.split('\n\n');
    expect(events.pop()).toBe('');
    expect(events.pop()).toBe('data: [DONE]');
    expect(events).toHaveLength(4);
    for (const event of events) {
      const json = event.replace(/^data: /, '');
      expect(event).toBe(`data: ${JSON.stringify(JSON.parse(json))}`);
    }
  });

  it('is sent as it comes', async () => {
    const server = await serve({ beforeDelta: (index) => (index === 1 ? new Promise(() => undefined) : undefined) });
    const socket = await openSocket(server.port);
    socket.write(rawChat(chatBody('one two', { stream: true })));
    expect(await readUntil(socket, /"one "/)).not.toContain('two');
    socket.destroy();
  });

  it.each([
    ['/v1/chat/completions', ':\n\n', { stream: true }],
    ['/v1/messages', 'event: ping\ndata: {"type":"ping"}\n\n', { stream: true, max_tokens: 5 }],
  ])('of %s is not silent while it waits, for its start or for a word', async (path, beat, fields) => {
    const asked = new Gate();
    const start = new Gate();
    const word = new Gate();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const server = await serve({
      beforeStart() {
        asked.open();
        return start.opened;
      },
      beforeDelta: () => word.opened,
    });
    let text = '';
    const request = open(server.url + path, { method: 'POST', body: chatBody('one', fields) });
    request.on('response', (answer) => answer.on('data', (chunk: Buffer) => (text += chunk.toString())));
    await asked.opened;
    // The first comes after 5 s, the others every 15.
    await afterSeconds(5, () => text, beat);
    await afterSeconds(15, () => text, beat.repeat(2));
    await afterSeconds(30, () => text, beat.repeat(4));
    start.open();
    await turnUntil(() => text.includes('"assistant"'));
    const started = text;
    await afterSeconds(5, () => text, started + beat);
    await afterSeconds(15, () => text, started + beat.repeat(2));
    word.open();
    await turnUntil(() => text.includes('"one"'));
    await once(request, 'close');
  });

  it('leaves its connection open for the next', async () => {
    const { port } = await serve();
    const socket = await openSocket(port);
    for (const word of ['one', 'two']) {
      socket.write(rawChat(chatBody(word, { stream: true })));
      expect(await readUntil(socket, /\[DONE\]\n\n\r\n0\r\n\r\n$/)).toContain(`"${word}"`);
    }
    socket.destroy();
  });
});

describe('a failure', () => {
  it('before the first chunk is an HTTP error', async () => {
    const { url } = await serve({ maxLength: 2 });
    const { status, headers, text } = await send(`${url}/v1/chat/completions`, {
      method: 'POST',
      body: chatBody('one two three', { stream: true }),
    });
    expect(status).toBe(400);
    expect(headers['content-type']).toBe('application/json');
    expect(JSON.parse(text)).toMatchObject({
      error: {
        code: 'context_length_exceeded',
        param: 'messages',
        type: 'exceed_context_size_error',
        n_prompt_tokens: 3,
        n_ctx: 2,
      },
    });
  });

  it('after it is an event, and the last', async () => {
    const server = await serve({
      beforeDelta(index) {
        if (index === 1) throw new VserveError('generation_failed', 'The device is gone.');
      },
    });
    const response = await answerTo(openChat(server.url, 'one two', { stream: true }));
    expect(response.statusCode).toBe(200);
    let text = '';
    for await (const chunk of response) text += String(chunk);
    expect(text.split('\n\n').slice(1)).toEqual([
      expect.stringContaining('"one "'),
      'data: {"error":{"code":"generation_failed","message":"The device is gone.","param":null,"type":"api_error"}}',
      '',
    ]);
    const id = String(response.headers['x-request-id']);
    expect(server.log).toContain(
      `warning ${id} ended after the response had started: generation_failed: The device is gone.`,
    );
    expect(server.model.stats()).toEqual({ sequencesRunning: 0, sequencesQueued: 0 });
  });

  it("after it is thrown by OpenAI's client", async () => {
    const server = await serve({
      beforeDelta() {
        throw new VserveError('generation_failed', 'The device is gone.');
      },
    });
    const failed = streamed(server, 'one');
    await expect(failed).rejects.toBeInstanceOf(APIError);
    await expect(failed).rejects.toMatchObject({ code: 'generation_failed', type: 'api_error' });
  });

  it('after it that is a defect is told to nobody but the log', async () => {
    const server = await serve({
      beforeDelta() {
        throw new TypeError('secret');
      },
    });
    const failed = streamed(server, 'one');
    await expect(failed).rejects.toMatchObject({ code: 'internal_error' });
    await expect(failed).rejects.not.toThrow('secret');
    expect(server.log.join('\n')).toMatch(/ended after the response had started: \nTypeError: secret\n +at /);
  });
});
