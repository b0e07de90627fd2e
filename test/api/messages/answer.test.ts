import { describe, expect, it } from 'vitest';
import type { MessageSettings } from '../../../src/api/messages/index.ts';
import {
  EventWriter,
  messagesErrors,
  messagesModelJson,
  messagesModelList,
  toMessage,
} from '../../../src/api/messages/index.ts';
import type { GenerationEvent } from '../../../src/backend/index.ts';
import { VserveError } from '../../../src/errors/index.ts';
import { sseTexts } from '../answer/sse-json.ts';
import { everything } from '../chat/support.ts';

const identity = { id: 'msg_1', created: 1, model: 'm', systemFingerprint: 'fp' };
const plain: MessageSettings = { showsThinking: true, maxTokens: 100 };

const start: GenerationEvent = { type: 'start', promptTokens: 7 };
const text = (content: string): GenerationEvent => ({ type: 'text-delta', text: content, tokens: 1 });
const thought = (content: string): GenerationEvent => ({ type: 'reasoning-delta', text: content, tokens: 1 });
const call = (index: number, piece: string, begun?: { id: string; name: string }): GenerationEvent => ({
  type: 'tool-call-delta',
  index,
  arguments: piece,
  tokens: 1,
  ...(begun === undefined ? {} : { call: begun }),
});
const finish = (changes: object = {}): GenerationEvent => ({
  type: 'finish',
  reason: 'stop',
  usage: { promptTokens: 7, cachedTokens: 3, completionTokens: 4, reasoningTokens: 2 },
  timings: { queueMs: 0, prefillMs: 6, decodeMs: 9 },
  ...changes,
});

async function* told(events: readonly GenerationEvent[]) {
  await Promise.resolve();
  yield* events;
}

function message(events: readonly GenerationEvent[], changes: Partial<MessageSettings> = {}) {
  return toMessage(identity, told([start, ...events]), { ...plain, ...changes });
}

interface StreamEvent {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** The events of a stream, each by the name that it has in its data, too. */
function stream(events: readonly GenerationEvent[], changes: Partial<MessageSettings> = {}): StreamEvent[] {
  const texts = sseTexts(new EventWriter(identity, { ...plain, ...changes }), [start, ...events]);
  return texts.map((sent) => {
    const [, name, json = ''] = /^event: (\w+)\ndata: (.*)\n\n$/.exec(sent) ?? [];
    const event = JSON.parse(json) as StreamEvent;
    expect(event.type).toBe(name);
    return event;
  });
}

const all = [
  thought('Hm'),
  thought('.'),
  text('Well'),
  text(', é.'),
  call(0, '', { id: 'call_1', name: 'look' }),
  call(0, '{"at":'),
  call(0, '1}'),
  call(1, '{}', { id: 'call_2', name: 'wait' }),
  finish({ reason: 'tool_calls' }),
];
const deltaUsage = {
  input_tokens: 4,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 3,
  output_tokens: 4,
  output_tokens_details: { thinking_tokens: 2 },
  server_tool_use: null,
};
const usage = {
  ...deltaUsage,
  cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 },
  inference_geo: null,
  service_tier: 'standard',
  speed: null,
};
const textBlock = { type: 'text', citations: null };
const toolUse = { type: 'tool_use', caller: { type: 'direct' } };

describe('a message', () => {
  it('has a block for each part of the answer', async () => {
    expect(await message(all)).toEqual({
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      model: 'm',
      content: [
        { type: 'thinking', thinking: 'Hm.', signature: expect.stringMatching(/./) as string },
        { ...textBlock, text: 'Well, é.' },
        { ...toolUse, id: 'call_1', name: 'look', input: { at: 1 } },
        { ...toolUse, id: 'call_2', name: 'wait', input: {} },
      ],
      stop_reason: 'tool_use',
      stop_sequence: null,
      stop_details: null,
      container: null,
      diagnostics: null,
      usage,
    });
  });

  it.each([
    [{ reason: 'stop' }, 'end_turn', null],
    [{ reason: 'stop', stoppedBy: 'END' }, 'stop_sequence', 'END'],
    [{ reason: 'stop', stoppedBy: 5 }, 'end_turn', null],
    [{ reason: 'length', usage: { promptTokens: 7, cachedTokens: 0, completionTokens: 100 } }, 'max_tokens', null],
    [{ reason: 'length' }, 'model_context_window_exceeded', null],
    [{ reason: 'repetition' }, 'end_turn', null],
  ])('that ends by %j says so', async (ending, stop_reason, stop_sequence) => {
    expect(await message([finish(ending)])).toMatchObject({ content: [], stop_reason, stop_sequence });
    expect(stream([finish(ending)]).at(-2)).toMatchObject({ delta: { stop_reason, stop_sequence } });
  });

  it('has a call that was cut without its input', async () => {
    const cut = [call(0, '{"at', { id: 'call_1', name: 'look' }), finish({ reason: 'length' })];
    expect((await message(cut)).content).toEqual([{ ...toolUse, id: 'call_1', name: 'look', input: {} }]);
  });

  it('does not show thinking where that is to be omitted', async () => {
    const { content } = await message(all, { showsThinking: false });
    expect(content[0]).toMatchObject({ type: 'thinking', thinking: '' });
    const deltas = stream(all, { showsThinking: false }).filter(({ index }) => index === 0);
    expect(deltas.map(({ type, delta }) => (delta as { type: string } | undefined)?.type ?? type)).toEqual([
      'content_block_start',
      'signature_delta',
      'content_block_stop',
    ]);
  });
});

const begun = (index: number, content_block: object) => ({ type: 'content_block_start', index, content_block });
const delta = (index: number, type: string, fields: object) => ({
  type: 'content_block_delta',
  index,
  delta: { type, ...fields },
});
const ended = (index: number) => ({ type: 'content_block_stop', index });

describe('a stream', () => {
  it('ends each block before it begins the next', () => {
    expect(stream(all)).toEqual([
      {
        type: 'message_start',
        message: {
          id: 'msg_1',
          type: 'message',
          role: 'assistant',
          model: 'm',
          content: [],
          stop_reason: null,
          stop_sequence: null,
          stop_details: null,
          container: null,
          diagnostics: null,
          usage: {
            ...usage,
            input_tokens: 7,
            cache_read_input_tokens: 0,
            output_tokens: 0,
            output_tokens_details: { thinking_tokens: 0 },
          },
        },
      },
      { type: 'ping' },
      begun(0, { type: 'thinking', thinking: '', signature: '' }),
      delta(0, 'thinking_delta', { thinking: 'Hm' }),
      delta(0, 'thinking_delta', { thinking: '.' }),
      delta(0, 'signature_delta', { signature: expect.stringMatching(/./) as string }),
      ended(0),
      begun(1, { ...textBlock, text: '' }),
      delta(1, 'text_delta', { text: 'Well' }),
      delta(1, 'text_delta', { text: ', é.' }),
      ended(1),
      begun(2, { ...toolUse, id: 'call_1', name: 'look', input: {} }),
      delta(2, 'input_json_delta', { partial_json: '{"at":' }),
      delta(2, 'input_json_delta', { partial_json: '1}' }),
      ended(2),
      begun(3, { ...toolUse, id: 'call_2', name: 'wait', input: {} }),
      delta(3, 'input_json_delta', { partial_json: '{}' }),
      ended(3),
      {
        type: 'message_delta',
        delta: { stop_reason: 'tool_use', stop_sequence: null, stop_details: null, container: null },
        usage: deltaUsage,
      },
      { type: 'message_stop' },
    ]);
  });

  it('that the backend does not finish, or has go on with a call that was not begun, is its defect', () => {
    expect(() => stream([text('a')])).toThrow('without a finish event');
    expect(() => stream([text('a'), call(0, '{}')])).toThrow('had not begun');
  });
});

describe('an error', () => {
  it.each([
    ['invalid_request', 'invalid_request_error'],
    ['model_not_found', 'not_found_error'],
    ['method_not_allowed', 'invalid_request_error'],
    ['request_too_large', 'request_too_large'],
    ['request_timeout', 'timeout_error'],
    ['at_capacity', 'rate_limit_error'],
    ['shutting_down', 'overloaded_error'],
    ['generation_failed', 'api_error'],
  ] as const)('%s is of type %s', (code, type) => {
    const json = {
      type: 'error',
      error: { type, message: 'No.', details: { error_code: code, param: 'x' } },
      request_id: 'r',
    };
    const error = new VserveError(code, 'No.', { param: 'x' });
    expect(messagesErrors.json(error, 'r')).toEqual(json);
    expect(messagesErrors.text(error, 'r')).toBe(`event: error\ndata: ${JSON.stringify(json)}\n\n`);
  });

  it('that is a defect tells nothing', () => {
    expect(JSON.stringify(messagesErrors.json(new TypeError('secret')))).not.toContain('secret');
  });

  it('of a long prompt has the words and numbers by which agents know it', () => {
    const message =
      "This model's maximum context length is 8192 tokens, the answer included, and the prompt has more than 9000. Shorten it.";
    expect(messagesErrors.json(new VserveError('context_length_exceeded', message))).toMatchObject({
      error: { message: `prompt is too long: 9000 tokens > 8192 maximum. ${message}` },
    });
  });
});

it('the list of models says what the model can do', () => {
  const model = messagesModelJson('a/b', { contextLength: 100, capabilities: everything }, 0);
  expect(messagesModelList([model])).toMatchObject({
    data: [
      {
        type: 'model',
        id: 'a/b',
        created_at: '1970-01-01T00:00:00.000Z',
        max_input_tokens: 100,
        capabilities: {
          image_input: { supported: true },
          pdf_input: { supported: true },
          thinking: { supported: true },
        },
      },
    ],
    has_more: false,
    first_id: 'a/b',
    last_id: 'a/b',
  });
});
