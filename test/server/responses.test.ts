import { turnUntil } from './support/turn-until.ts';
import { APIError, BadRequestError, NotFoundError } from 'openai';
import type OpenAI from 'openai';
import { zodResponsesFunction, zodTextFormat } from 'openai/helpers/zod';
import type { ResponseStreamEvent } from 'openai/resources/responses/responses';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Gate } from '../support/gate.ts';
import { send } from './support/http.ts';
import { scriptedModel } from './support/scripted-model.ts';
import { modelName, serve, serveModel } from './support/serve.ts';

const picture =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC';
const question: OpenAI.Responses.ResponseInput = [
  {
    role: 'user',
    content: [
      { type: 'input_text', text: 'What is shown?' },
      { type: 'input_image', image_url: picture, detail: 'auto' },
    ],
  },
];
const shapes = z.object({ shapes: z.array(z.object({ colour: z.string(), count: z.number().int() })) });
const found = { shapes: [{ colour: 'rouge é', count: 2 }] };
const lookAt = zodResponsesFunction({ name: 'look_at', parameters: z.object({ place: z.string() }) });

async function eventsOf(stream: AsyncIterable<ResponseStreamEvent>): Promise<ResponseStreamEvent[]> {
  const events: ResponseStreamEvent[] = [];
  for await (const event of stream) events.push(event);
  return events;
}

describe("OpenAI's client", () => {
  it('gets a response about a picture', async () => {
    const { client } = await serve();
    const response = await client.responses.create({ model: modelName, input: question, instructions: 'Be brief.' });
    expect(response).toMatchObject({
      status: 'completed',
      output_text: 'What is shown? [image 1x1]',
      instructions: 'Be brief.',
      usage: { input_tokens: 6, output_tokens: 4, total_tokens: 10 },
    });
  });

  it('parses what was answered to a schema, streamed and not', async () => {
    const model = scriptedModel({ reasoning: 'Let me see.', text: JSON.stringify(found) });
    const { client } = await serveModel(model);
    const body = { model: '', input: question, text: { format: zodTextFormat(shapes, 'shapes') } };
    const response = await client.responses.parse(body);
    expect(response.output_parsed).toEqual(found);
    const stream = client.responses.stream(body);
    const deltas: string[] = [];
    stream.on('response.output_text.delta', ({ delta }) => deltas.push(delta));
    expect((await stream.finalResponse()).output_parsed).toEqual(found);
    expect(deltas.join('')).toBe(JSON.stringify(found));
    expect(model.requests[0]?.format).toMatchObject({ type: 'json-schema', param: 'text.format.schema' });
  });

  it('calls functions and sends their results, with pictures', async () => {
    const calls = [{ name: 'look_at', arguments: { place: 'left "x"' } }];
    const model = scriptedModel({ text: 'I look. ', calls }, { text: 'A star.' });
    const { client } = await serveModel(model);
    const stream = client.responses.stream({ model: '', input: question, tools: [lookAt] });
    const first = await stream.finalResponse();
    const call = first.output.find((item) => item.type === 'function_call');
    expect(call?.parsed_arguments).toEqual({ place: 'left "x"' });
    const second = await client.responses.create({
      model: '',
      previous_response_id: first.id,
      input: [
        {
          type: 'function_call_output',
          call_id: call?.call_id ?? '',
          output: [
            { type: 'input_text', text: 'here it is' },
            { type: 'input_image', image_url: picture, detail: 'auto' },
          ],
        },
      ],
      tools: [lookAt],
    });
    expect(second.output_text).toBe('A star.');
    expect(model.requests[1]?.messages.slice(1)).toMatchObject([
      {
        role: 'assistant',
        content: [{ type: 'text', text: 'I look. ' }],
        toolCalls: [{ id: 'call_1_0', name: 'look_at', arguments: '{"place":"left \\"x\\""}' }],
      },
      {
        role: 'tool',
        toolCallId: 'call_1_0',
        name: 'look_at',
        content: [{ text: 'here it is' }, { type: 'image', param: 'input[0].output[1]' }],
      },
    ]);
  });

  it('numbers the events of a stream, from the first to the end', async () => {
    const { client } = await serveModel(scriptedModel({ reasoning: 'Hm.', text: 'One two.' }));
    const events = await eventsOf(await client.responses.create({ model: '', input: 'Hello', stream: true }));
    expect(events.map(({ sequence_number: number }) => number)).toEqual(events.map((_, index) => index));
    expect(events.map(({ type }) => type)).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      'response.reasoning_text.delta',
      'response.reasoning_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.delta',
      'response.output_text.delta',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.completed',
    ]);
  });

  it('counts the tokens of a request, and of the conversation that it continues', async () => {
    const { client } = await serve();
    const { id, usage } = await client.responses.create({ model: '', input: question });
    expect(await client.responses.inputTokens.count({ input: question })).toEqual({
      object: 'response.input_tokens',
      input_tokens: usage?.input_tokens,
    });
    const next = await client.responses.inputTokens.count({ input: 'And now?', previous_response_id: id });
    expect(next.input_tokens).toBe((usage?.total_tokens ?? 0) + 2);
  });

  it('may have the beginning of a long conversation left out', async () => {
    const { client, generateRequests } = await serve({ maxLength: 12 });
    const input = ['a b c d e f', 'd e f', 'g h i j'].map((content) => ({ role: 'user' as const, content }));
    const response = await client.responses.create({ model: '', input, truncation: 'auto' });
    expect(response).toMatchObject({ output_text: 'g h i j', truncation: 'auto' });
    expect(generateRequests[0]?.messages).toHaveLength(2);
    await expect(client.responses.create({ model: '', input })).rejects.toMatchObject({
      code: 'context_length_exceeded',
      param: 'input',
    });
  });

  it('is told of errors', async () => {
    const { client } = await serve();
    const create = (body: object) => client.responses.create(body as OpenAI.Responses.ResponseCreateParamsNonStreaming);
    await expect(create({ model: '', input: 'x', conversation: 'c' })).rejects.toMatchObject({
      status: 400,
      code: 'unsupported_parameter',
      param: 'conversation',
    });
    await expect(create({ model: 'other', input: 'x' })).rejects.toBeInstanceOf(NotFoundError);
    await expect(create({ model: '', input: 'x', previous_response_id: 'resp_1' })).rejects.toMatchObject({
      status: 400,
      code: 'previous_response_not_found',
      param: 'previous_response_id',
    });
    await expect(client.responses.retrieve('resp_1')).rejects.toBeInstanceOf(NotFoundError);
    await expect(create({ model: '', input: 'x', stream: true, tools: [{ type: 'mcp' }] })).rejects.toBeInstanceOf(
      BadRequestError,
    );
  });

  it('gets a failure within a stream as events', async () => {
    const { client } = await serve({
      beforeDelta(index) {
        if (index === 1) throw new Error('broken');
      },
    });
    const events = await eventsOf(await client.responses.create({ model: '', input: 'one two', stream: true }));
    expect(events.slice(-2)).toMatchObject([
      { type: 'error', code: 'server_error', param: null },
      {
        type: 'response.failed',
        sequence_number: events.length - 1,
        response: { status: 'failed', error: { code: 'server_error' }, output: [{ status: 'incomplete' }] },
      },
    ]);
  });
});

it('is also there without /v1', async () => {
  const { url } = await serve();
  const response = await fetch(`${url}/responses`, { method: 'POST', body: JSON.stringify({ input: 'hello' }) });
  expect(await response.json()).toMatchObject({ object: 'response', status: 'completed' });
});

it('ends when its client leaves, and is not stored', async () => {
  const ended = new Gate();
  const { client } = await serve({
    beforeDelta: (index) => (index === 1 ? new Promise(() => undefined) : undefined),
    onEndEarly: () => ended.open(),
  });
  let id = '';
  for await (const event of await client.responses.create({ model: '', input: 'a b', stream: true })) {
    if (event.type === 'response.created') id = event.response.id;
    if (event.type === 'response.output_text.delta') break;
  }
  await ended.opened;
  await expect(client.responses.retrieve(id)).rejects.toBeInstanceOf(NotFoundError);
});

describe('a stored response', () => {
  it('is found, continued, listed and deleted', async () => {
    const { client, generateRequests } = await serve();
    const first = await client.responses.create({ model: '', input: question });
    const second = await client.responses.create({ model: '', input: 'And now?', previous_response_id: first.id });
    expect(generateRequests[1]?.messages).toMatchObject([
      { role: 'user', content: [{ text: 'What is shown?' }, { type: 'image' }] },
      { role: 'assistant', content: [{ text: 'What is shown? [image 1x1]' }] },
      { role: 'user', content: [{ text: 'And now?' }] },
    ]);
    expect(await client.responses.retrieve(second.id)).toMatchObject({
      id: second.id,
      previous_response_id: first.id,
      output: second.output,
    });
    const items = [];
    for await (const item of client.responses.inputItems.list(second.id, { limit: 2, order: 'asc' })) items.push(item);
    expect(items).toMatchObject([
      { role: 'user', content: [{ type: 'input_text' }, { type: 'input_image', image_url: picture }] },
      { type: 'message', role: 'assistant', id: first.output[0]?.id },
      { role: 'user', content: [{ type: 'input_text', text: 'And now?' }] },
    ]);
    await client.responses.delete(first.id);
    await expect(client.responses.retrieve(first.id)).rejects.toBeInstanceOf(NotFoundError);
    // What follows it still has all that it needs.
    const third = await client.responses.create({ model: '', input: 'Last', previous_response_id: second.id });
    expect(generateRequests[2]?.messages).toHaveLength(5);
    expect(third.output_text).toBe('Last');
  });

  it('keeps its large pictures, however often it is continued', async () => {
    const { client } = await serve();
    const pixels = Buffer.concat([Buffer.from('P6 100 50 255\n'), Buffer.alloc(100 * 50 * 3, 200)]).toString('base64');
    const urls = [`data:image/x-portable-pixmap;base64,${pixels}`, pixels, `  data:image/ppm,${pixels}`];
    for (const image_url of urls) {
      const content = [{ type: 'input_image' as const, image_url, detail: 'auto' as const }];
      const first = await client.responses.create({ model: '', input: [{ role: 'user', content }] });
      for (const input of ['And now?', 'And then?']) {
        const next = { model: '', input, previous_response_id: first.id, truncation: 'auto' as const };
        expect((await client.responses.create(next)).status).toBe('completed');
      }
      const { data } = await client.responses.inputItems.list(first.id);
      expect(data).toMatchObject([{ content: [{ image_url }] }]);
    }
  });

  it('may be referred to item by item, as the AI SDK does', async () => {
    const { client, generateRequests } = await serve();
    const first = await client.responses.create({ model: '', input: 'One' });
    const id = first.output[0]?.id ?? '';
    await client.responses.create({
      model: '',
      input: [
        { role: 'user', content: 'One' },
        { type: 'item_reference', id },
        { role: 'user', content: 'Two' },
      ],
    });
    expect(generateRequests[1]?.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user']);
  });

  it('is nobody else’s', async () => {
    const { client } = await serve();
    const { id } = await client.responses.create({ model: '', input: 'One' });
    const other = client.withOptions({ apiKey: 'other' });
    await expect(other.responses.retrieve(id)).rejects.toBeInstanceOf(NotFoundError);
    await expect(other.responses.inputItems.list(id)).rejects.toBeInstanceOf(NotFoundError);
    await expect(other.responses.delete(id)).rejects.toBeInstanceOf(NotFoundError);
    await expect(other.responses.create({ model: '', input: 'Two', previous_response_id: id })).rejects.toBeInstanceOf(
      BadRequestError,
    );
    expect((await client.responses.retrieve(id)).id).toBe(id);
  });

  it('is not there if it was not to be stored', async () => {
    const { client } = await serve();
    const { id, store } = (await client.responses.create({ model: '', input: 'One', store: false })) as {
      id: string;
      store?: boolean;
    };
    expect(store).toBe(false);
    await expect(client.responses.retrieve(id)).rejects.toBeInstanceOf(NotFoundError);
  });
});

describe('a response in the background', () => {
  it('goes on without its client, whose stream may be taken up again', async () => {
    const gate = new Gate();
    const { client, requestsInFlight } = await serve({
      beforeDelta: (index) => (index === 2 ? gate.opened : undefined),
    });
    const stream = await client.responses.create({ model: '', input: 'a b c d', background: true, stream: true });
    let id = '';
    let last = 0;
    for await (const event of stream) {
      if (event.type === 'response.created') id = event.response.id;
      last = event.sequence_number;
      if (event.type === 'response.output_text.delta') break;
    }
    // The stream has ended with its client.
    await turnUntil(() => requestsInFlight() === 1);
    expect((await client.responses.retrieve(id)).status).toBe('in_progress');
    gate.open();
    const rest = await eventsOf(await client.responses.retrieve(id, { stream: true, starting_after: last }));
    expect(rest.map(({ sequence_number: number }) => number)).toEqual(rest.map((_, index) => last + 1 + index));
    expect(rest.at(-1)).toMatchObject({ type: 'response.completed', response: { status: 'completed' } });
    expect((await client.responses.retrieve(id)).output_text).toBe('a b c d');
  });

  it.each([
    ['stream', 'yes', /^stream must be true or false, not .*yes/],
    ['starting_after', 'x', /^starting_after must be the number of an event, not .*x/],
  ])('is not read with %s=%s', async (param, value, message) => {
    const { client, url } = await serve();
    const { id } = await client.responses.create({ model: '', input: 'a' });
    const { status, text } = await send(`${url}/v1/responses/${id}?${param}=${value}`, {
      headers: { authorization: `Bearer ${client.apiKey ?? ''}` },
    });
    expect([status, JSON.parse(text)]).toMatchObject([
      400,
      { error: { param, message: expect.stringMatching(message) } },
    ]);
  });

  it('is queued at once, and can be cancelled', async () => {
    const gate = new Gate();
    const ends: unknown[] = [];
    const { client, requestsInFlight } = await serve({
      beforeDelta: () => gate.opened,
      onEndEarly: (reason) => ends.push(reason),
    });
    const response = await client.responses.create({ model: '', input: 'a b', background: true });
    expect(response.status).toBe('queued');
    expect((await client.responses.cancel(response.id)).status).toBe('cancelled');
    expect((await client.responses.cancel(response.id)).status).toBe('cancelled');
    expect([ends.length, requestsInFlight()]).toEqual([1, 0]);
    const whole = await client.responses.create({ model: '', input: '' });
    await expect(client.responses.cancel(whole.id)).rejects.toBeInstanceOf(APIError);
  });

  it('ends with the server', async () => {
    const reasons: unknown[] = [];
    const { client, shutdown, requestsInFlight } = await serve({
      beforeDelta: () => new Promise(() => undefined),
      onEndEarly: (reason) => reasons.push(reason),
    });
    await client.responses.create({ model: '', input: 'a b', background: true });
    await shutdown();
    expect(reasons).toMatchObject([{ code: 'shutting_down' }]);
    expect(requestsInFlight()).toBe(0);
  });

  it('is refused for now where those in the making take all of the memory', async () => {
    const gate = new Gate();
    const { client } = await serve({ settings: { maxStoredResponseBytes: 8000 }, beforeStart: () => gate.opened });
    const input = 'a'.repeat(2500);
    const first = await client.responses.create({ model: '', input, background: true });
    await expect(client.responses.create({ model: '', input, background: true })).rejects.toMatchObject({
      status: 429,
      message: expect.stringContaining('--max-stored-response-bytes') as string,
    });
    await client.responses.cancel(first.id);
    gate.open();
    expect((await client.responses.create({ model: '', input, background: true })).status).toBe('queued');
  });

  it('needs to be stored', async () => {
    const { client } = await serve({ settings: { maxStoredResponses: 0 } });
    await expect(client.responses.create({ model: '', input: 'a', background: true })).rejects.toMatchObject({
      status: 400,
      param: 'background',
    });
  });
});

/** Of a client that sends its key as one, and the same as all others as the other. */
function twoKeyHeaders(key: string) {
  return { authorization: 'Bearer same', 'x-api-key': key, 'content-type': 'application/json' };
}

describe('a stored response of a server with keys', () => {
  it('belongs to the key that was checked, whatever else its client sends', async () => {
    const { url } = await serve({ settings: { apiKeys: ['one', 'two'] } });
    const body = JSON.stringify({ model: '', input: 'a' });
    const made = await fetch(`${url}/v1/responses`, { method: 'POST', headers: twoKeyHeaders('one'), body });
    const { id } = (await made.json()) as { id: string };
    const statusFor = async (key: string) =>
      (await fetch(`${url}/v1/responses/${id}`, { headers: twoKeyHeaders(key) })).status;
    expect([await statusFor('one'), await statusFor('two')]).toEqual([200, 404]);
  });
});
