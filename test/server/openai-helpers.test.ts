import { zodFunction, zodResponseFormat } from 'openai/helpers/zod';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { scriptedModel } from './support/scripted-model.ts';
import { serveModel } from './support/serve.ts';

const picture =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC';
const messages = [
  {
    role: 'user' as const,
    content: [
      { type: 'text' as const, text: 'What is shown?' },
      { type: 'image_url' as const, image_url: { url: picture } },
    ],
  },
];
const shapes = z.object({ shapes: z.array(z.object({ colour: z.string(), count: z.number().int() })) });
const found = { shapes: [{ colour: 'rouge é', count: 2 }] };
const lookAt = zodFunction({
  name: 'look_at',
  parameters: z.object({ place: z.string() }),
  function: ({ place }) => `a star at ${place}`,
});
const calls = [
  { name: 'look_at', arguments: { place: 'top' } },
  { name: 'look_at', arguments: { place: 'left "x"' } },
];

describe("OpenAI's client", () => {
  it('parses what was answered to a schema', async () => {
    const model = scriptedModel({ text: JSON.stringify(found) });
    const { client } = await serveModel(model);
    const response_format = zodResponseFormat(shapes, 'shapes');
    const completion = await client.chat.completions.parse({ model: '', messages, response_format });
    expect(completion.choices[0]?.message.parsed).toEqual(found);
    expect(model.requests[0]?.format).toMatchObject({
      type: 'json-schema',
      schema: { type: 'object', additionalProperties: false },
      param: 'response_format.json_schema.schema',
    });
  });

  it('parses a stream', async () => {
    const { client } = await serveModel(scriptedModel({ reasoning: 'Let me see.', text: JSON.stringify(found) }));
    const response_format = zodResponseFormat(shapes, 'shapes');
    const stream = client.chat.completions.stream({ model: '', messages, response_format });
    const deltas: string[] = [];
    stream.on('content.delta', ({ delta }) => deltas.push(delta));
    const completion = await stream.finalChatCompletion();
    expect(completion.choices[0]?.message.parsed).toEqual(found);
    expect(deltas.join('')).toBe(JSON.stringify(found));
  });

  it.each([false, true])('runs tools until there is an answer, streamed: %s', async (isStreamed) => {
    const model = scriptedModel({ text: 'I look. ', calls }, { text: 'A star.' });
    const { client } = await serveModel(model);
    const body = { model: '', messages, tools: [lookAt] };
    const runner = isStreamed
      ? client.chat.completions.runTools({ ...body, stream: true })
      : client.chat.completions.runTools(body);
    expect(await runner.finalContent()).toBe('A star.');
    expect(model.requests[1]?.messages.slice(1)).toEqual([
      {
        role: 'assistant',
        content: [{ type: 'text', text: 'I look. ' }],
        toolCalls: [
          { id: 'call_1_0', name: 'look_at', arguments: '{"place":"top"}' },
          { id: 'call_1_1', name: 'look_at', arguments: '{"place":"left \\"x\\""}' },
        ],
      },
      { role: 'tool', content: [{ type: 'text', text: 'a star at top' }], toolCallId: 'call_1_0', name: 'look_at' },
      {
        role: 'tool',
        content: [{ type: 'text', text: 'a star at left "x"' }],
        toolCallId: 'call_1_1',
        name: 'look_at',
      },
    ]);
    expect(model.requests[0]?.tools).toMatchObject({ tools: [{ name: 'look_at' }], choice: 'auto' });
  });

  it('puts a stream of calls together', async () => {
    const { client } = await serveModel(scriptedModel({ calls }));
    const stream = client.chat.completions.stream({
      model: '',
      messages,
      tools: [{ type: 'function', function: { name: 'look_at', parameters: {} } }],
      stream_options: { include_usage: true },
    });
    const { choices, usage } = await stream.finalChatCompletion();
    expect(choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: {
        tool_calls: [
          { id: 'call_1_0', type: 'function', function: { name: 'look_at', arguments: '{"place":"top"}' } },
          { id: 'call_1_1', type: 'function', function: { name: 'look_at', arguments: '{"place":"left \\"x\\""}' } },
        ],
      },
    });
    expect(usage?.prompt_tokens).toBe(5);
  });

  it('puts a stream of several answers together, with log probabilities', async () => {
    const { client } = await serveModel(scriptedModel({ text: 'One two.' }));
    const stream = client.chat.completions.stream({ model: '', messages, n: 3, logprobs: true, top_logprobs: 1 });
    const { choices } = await stream.finalChatCompletion();
    expect(choices.map(({ index, message }) => [index, message.content])).toEqual([
      [0, 'One two.'],
      [1, 'One two.'],
      [2, 'One two.'],
    ]);
    for (const { logprobs } of choices) {
      expect(logprobs?.content?.map(({ token }) => token).join('')).toBe('One two.');
    }
  });

  it('is told of a capability before an image is fetched', async () => {
    const model = scriptedModel({ text: 'A star.' });
    const { client } = await serveModel({ ...model, info: { ...model.info, capabilities: { vision: true } } });
    const unreachable = [
      {
        role: 'user' as const,
        content: [{ type: 'image_url' as const, image_url: { url: 'http://127.0.0.1:1/a.png' } }],
      },
    ];
    await expect(
      client.chat.completions.create({
        model: '',
        messages: unreachable,
        tools: [{ type: 'function', function: { name: 'f' } }],
      }),
    ).rejects.toMatchObject({ status: 400, code: 'unsupported_capability', param: 'tools' });
  });
});
