import Anthropic, { APIError, BadRequestError, NotFoundError, RateLimitError } from '@anthropic-ai/sdk';
import { betaZodTool } from '@anthropic-ai/sdk/helpers/beta/zod';
import { zodOutputFormat } from '@anthropic-ai/sdk/helpers/zod';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { VserveError } from '../../src/errors/index.ts';
import { Gate } from '../support/gate.ts';
import { send } from './support/http.ts';
import { scriptedModel } from './support/scripted-model.ts';
import type { TestServer } from './support/serve.ts';
import { modelName, serve, serveModel } from './support/serve.ts';
import { turnUntil } from './support/turn-until.ts';

const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC';
const image = {
  type: 'image' as const,
  source: { type: 'base64' as const, media_type: 'image/png' as const, data: png },
};
const messages = [{ role: 'user' as const, content: [image, { type: 'text' as const, text: 'What is shown?' }] }];
const ask = { model: modelName, max_tokens: 100, messages };
const say = (content: string) => ({ ...ask, messages: [{ role: 'user' as const, content }] });
const shapes = z.object({ colour: z.string(), count: z.number().int() });
const found = { colour: 'rouge é', count: 2 };

function clientOf({ url }: Pick<TestServer, 'url'>): Anthropic {
  return new Anthropic({ baseURL: url, apiKey: 'none', maxRetries: 0 });
}

/** The id of a call. */
function idOf(block: Anthropic.ContentBlock | undefined): object {
  return block?.type === 'tool_use' ? { id: block.id } : {};
}

const everything = {
  reasoning: 'Let me see.',
  text: 'I look. ',
  calls: [
    { name: 'look_at', arguments: { place: 'top' } },
    { name: 'look_at', arguments: { place: 'left "x"' } },
  ],
};

describe("Anthropic's client", () => {
  it('gets a message, and the same from a stream', async () => {
    const client = clientOf(await serveModel(scriptedModel(everything)));
    const message = await client.messages.create(ask);
    expect(message).toMatchObject({
      id: expect.stringMatching(/^msg_[0-9a-f]{32}$/) as string,
      model: modelName,
      content: [
        { type: 'thinking', thinking: 'Let me see.' },
        { type: 'text', text: 'I look. ' },
        { type: 'tool_use', name: 'look_at', input: { place: 'top' } },
        { type: 'tool_use', name: 'look_at', input: { place: 'left "x"' } },
      ],
      stop_reason: 'tool_use',
      usage: { input_tokens: 4, cache_read_input_tokens: 1 },
    });
    const streamed = await client.messages.stream(ask).finalMessage();
    // The calls of each answer have ids of their own.
    const content = message.content.map((block, index) => ({ ...block, ...idOf(streamed.content[index]) }));
    expect({ ...streamed, id: message.id }).toEqual({ ...message, content, parsed_output: null });
  });

  it('is told the text as it comes', async () => {
    const word = new Gate();
    const server = await serve({ beforeDelta: (index) => (index === 1 ? word.opened : undefined) });
    let text = '';
    const stream = clientOf(server)
      .messages.stream(say('one two'))
      .on('text', (delta) => (text += delta));
    await turnUntil(() => text === 'one ');
    word.open();
    expect(await stream.finalText()).toBe('one two');
  });

  it('parses what was answered to a schema', async () => {
    const model = scriptedModel({ text: JSON.stringify(found) });
    const client = clientOf(await serveModel(model));
    const output_config = { format: zodOutputFormat(shapes) };
    expect((await client.messages.parse({ ...ask, output_config })).parsed_output).toEqual(found);
    expect((await client.messages.stream({ ...ask, output_config }).finalMessage()).parsed_output).toEqual(found);
    expect(model.requests[0]?.format).toMatchObject({ type: 'json-schema', param: 'output_config.format.schema' });
  });

  it.each([false, true])('runs tools until there is an answer, streamed: %s', async (stream) => {
    const model = scriptedModel(everything, { text: 'A star.' });
    const client = clientOf(await serveModel(model));
    const lookAt = betaZodTool({
      name: 'look_at',
      description: 'Looks at a place.',
      inputSchema: z.object({ place: z.string() }),
      run: ({ place }) => [{ type: 'text', text: `A star at ${place}: ` }, image],
    });
    const runner = client.beta.messages.toolRunner({ ...ask, tools: [lookAt], stream });
    const last = await runner.runUntilDone();
    expect(last.content).toMatchObject([{ type: 'text', text: 'A star.' }]);
    expect(model.requests[1]?.messages.slice(1)).toMatchObject([
      {
        role: 'assistant',
        reasoning: 'Let me see.',
        content: [{ text: 'I look. ' }],
        toolCalls: [{ arguments: '{"place":"top"}' }, {}],
      },
      {
        role: 'tool',
        toolCallId: 'call_1_0',
        name: 'look_at',
        content: [{ text: 'A star at top: ' }, { type: 'image' }],
      },
      { role: 'tool', toolCallId: 'call_1_1', content: [{ text: 'A star at left "x": ' }, { type: 'image' }] },
    ]);
  });

  it('counts tokens, without any to generate', async () => {
    const { max_tokens: _, ...question } = ask;
    const model = { ...scriptedModel({}), countPrompt: () => Promise.resolve(42) };
    expect(await clientOf(await serveModel(model)).messages.countTokens(question)).toEqual({ input_tokens: 42 });
  });

  it('lists the model, and finds it', async () => {
    const client = clientOf(await serve());
    const list = await client.models.list();
    expect(list.data).toMatchObject([{ type: 'model', id: modelName, max_input_tokens: 8192 }]);
    expect(await client.models.retrieve(modelName)).toEqual(list.data[0]);
    await expect(client.models.retrieve('claude')).rejects.toMatchObject({ status: 404, type: 'not_found_error' });
  });

  it('sees a stop sequence', async () => {
    const message = await clientOf(await serve()).messages.create({ ...say('one two three'), stop_sequences: ['two'] });
    expect(message.content).toMatchObject([{ type: 'text', text: 'one ' }]);
  });
});

describe("an error for Anthropic's client", () => {
  it('has its type, its code, and the id of the request', async () => {
    const server = await serve();
    const failed: unknown = await clientOf(server)
      .messages.create({ ...ask, max_tokens: 0 })
      .catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(BadRequestError);
    expect(failed).toMatchObject({
      status: 400,
      type: 'invalid_request_error',
      errorCode: 'invalid_request',
      details: { param: 'max_tokens' },
      requestID: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
    });
    const { requestID, error } = failed as APIError;
    expect(error).toMatchObject({ request_id: requestID });
    expect(server.log[0]).toContain(requestID);
  });

  it('is that of a model that is not served, or of a full queue', async () => {
    const gate = new Gate();
    const server = await serve({ maxBatchSize: 1, settings: { maxQueueSize: 0 }, beforeStart: () => gate.opened });
    const client = clientOf(server);
    await expect(client.messages.create({ ...ask, model: 'claude' })).rejects.toBeInstanceOf(NotFoundError);
    const first = client.messages.create(say('one'));
    await turnUntil(() => server.generateRequests.length === 1);
    await expect(client.messages.create(say('two'))).rejects.toBeInstanceOf(RateLimitError);
    gate.open();
    await first;
  });

  it('in a stream is thrown', async () => {
    const server = await serve({
      beforeDelta() {
        throw new VserveError('generation_failed', 'The device is gone.');
      },
    });
    const failed: unknown = await clientOf(server)
      .messages.stream(say('one'))
      .done()
      .catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(APIError);
    expect(failed).toMatchObject({ type: 'api_error', errorCode: 'generation_failed' });
  });

  it.each([
    ['GET', '/v1/messages', undefined, 405, 'invalid_request_error'],
    ['POST', '/v1/messages/nothing', undefined, 404, 'not_found_error'],
    ['POST', '/v1/messages', '{', 400, 'invalid_request_error'],
    ['POST', '/messages/', '{', 400, 'invalid_request_error'],
  ])('has its form whatever goes wrong: %s %s %s', async (method, path, body, status, type) => {
    const { url } = await serve();
    const answer = await send(url + path, { method, ...(body === undefined ? {} : { body }) });
    expect(answer).toMatchObject({ status, headers: { 'request-id': answer.headers['x-request-id'] } });
    expect(JSON.parse(answer.text)).toMatchObject({
      type: 'error',
      error: { type },
      request_id: answer.headers['request-id'],
    });
  });

  it('is a 404 where the routes are switched off', async () => {
    const { url } = await serve({ settings: { apiTypes: ['openai'] } });
    expect((await send(`${url}/v1/messages`, { method: 'POST', body: '{}' })).status).toBe(404);
  });
});
