import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Anthropic, { BadRequestError } from '@anthropic-ai/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pictureBytes, pictureType, referenceCases, shapesCheckpointDir } from '../support/shapes.ts';
import { startVserve, type VserveProcess } from '../support/vserve-process.ts';

const model = 'shapes-vlm';
const [reference] = referenceCases.filter(({ messages }) =>
  messages.some(({ content }) => content.some((part) => part.type === 'image')),
);
if (reference === undefined) throw new Error('There is no reference case with an image.');

const schema = {
  type: 'object',
  properties: { colour: { enum: ['red', 'green'] } },
  required: ['colour'],
  additionalProperties: false,
};

function imageBlock(name: string): Anthropic.ImageBlockParam {
  const data = pictureBytes(name).toString('base64');
  const media_type = pictureType(name) as Anthropic.Base64ImageSource['media_type'];
  return { type: 'image', source: { type: 'base64', media_type, data } };
}

const messages = reference.messages.map(({ role, content }) => ({
  role,
  content: content.map((part) => (part.type === 'text' ? part : imageBlock(part.image))),
}));
const ask = { model, max_tokens: 300, temperature: 0, messages };

describe('the embedded model, asked by Anthropic’s client', () => {
  let home: string;
  let vserve: VserveProcess;
  let client: Anthropic;
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'vserve-home-'));
    // Threads that wait for one another take long beside other tests.
    const flags = ['--model', shapesCheckpointDir, '--served-model-name', model, '--threads', '1'];
    vserve = await startVserve(flags, { VSERVE_HOME: home });
    client = new Anthropic({ baseURL: vserve.url, apiKey: 'none', maxRetries: 0 });
  });
  afterAll(async () => {
    expect(await vserve.stop('SIGINT')).toBe(0);
    await rm(home, { recursive: true });
  });

  it('says of a picture what transformers says, streamed and not, and counts it before', async () => {
    const message = await client.messages.create(ask);
    expect(message.content).toMatchObject([{ type: 'text', text: reference.expected }]);
    expect(message).toMatchObject({ stop_reason: 'end_turn', usage: { output_tokens: reference.completion_tokens } });
    const stream = client.messages.stream(ask);
    expect(await stream.finalText()).toBe(reference.expected);
    const { usage } = await stream.finalMessage();
    // The whole prompt is in the cache by now, but for what has to be computed in any case.
    expect(usage.cache_read_input_tokens).toBeGreaterThan(0);
    expect(usage.input_tokens + (usage.cache_read_input_tokens ?? 0)).toBe(reference.prompt_tokens);
    const { max_tokens: _, temperature: __, ...question } = ask;
    expect(await client.messages.countTokens(question)).toEqual({ input_tokens: reference.prompt_tokens });
  });

  it('goes on with an answer that is begun', async () => {
    const begun = reference.expected.slice(0, reference.expected.indexOf(' ', 4));
    const { content } = await client.messages.create({
      ...ask,
      messages: [...messages, { role: 'assistant', content: begun }],
    });
    expect(content).toMatchObject([{ text: reference.expected.slice(begun.length) }]);
  });

  it('keeps to a schema, and calls a tool with what fits its own', async () => {
    const formatted = await client.messages.create({
      ...ask,
      output_config: { format: { type: 'json_schema', schema } },
    });
    const [block] = formatted.content;
    expect(JSON.parse(block?.type === 'text' ? block.text : '')).toMatchObject({
      colour: expect.any(String) as string,
    });
    const tools = [{ name: 'paint', description: 'Paints.', input_schema: { ...schema, type: 'object' as const } }];
    const called = await client.messages.create({ ...ask, tools, tool_choice: { type: 'any' } });
    expect(called.stop_reason).toBe('tool_use');
    const call = called.content.find((part) => part.type === 'tool_use');
    expect(['red', 'green']).toContain((call?.input as { colour?: string } | undefined)?.colour);
    const result = {
      type: 'tool_result' as const,
      tool_use_id: call?.id ?? '',
      content: [{ type: 'text' as const, text: 'Done.' }],
    };
    const after = await client.messages.create({
      ...ask,
      tools,
      tool_choice: { type: 'none' },
      messages: [...messages, { role: 'assistant', content: called.content }, { role: 'user', content: [result] }],
    });
    expect(after.stop_reason).not.toBe('tool_use');
  });

  it('ends at a stop sequence, and at its limit', async () => {
    const [, second = ''] = reference.expected.split(' ');
    expect(await client.messages.create({ ...ask, stop_sequences: [second] })).toMatchObject({
      stop_reason: 'stop_sequence',
      stop_sequence: second,
    });
    expect(await client.messages.create({ ...ask, max_tokens: 2 })).toMatchObject({ stop_reason: 'max_tokens' });
  });

  it('refuses what is too long in the words that agents know', async () => {
    const long = { ...ask, messages: [{ role: 'user' as const, content: 'star '.repeat(20_000) }] };
    const failed = client.messages.stream(long).done();
    await expect(failed).rejects.toBeInstanceOf(BadRequestError);
    await expect(failed).rejects.toMatchObject({
      errorCode: 'context_length_exceeded',
      apiMessage: expect.stringMatching(/^prompt is too long: \d+ tokens > \d+ maximum\./) as string,
    });
  });
});
