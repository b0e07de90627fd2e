import { describe, expect, it } from 'vitest';
import type { ResponseJson, ResponseSettings } from '../../../src/api/responses/index.ts';
import { EventWriter, responsesFormat } from '../../../src/api/responses/index.ts';
import { VserveError } from '../../../src/errors/index.ts';
import type { GenerationEvent } from '../../../src/backend/index.ts';
import { sseValues } from '../answer/sse-json.ts';
import { noArchive, parse } from './support.ts';

const identity = { id: `resp_${'0'.repeat(32)}`, created: 1, model: 'm', systemFingerprint: 'fp' };
const tools = [
  { type: 'function', name: 'f' },
  { type: 'custom', name: 'g' },
  { type: 'namespace', name: 'n', tools: [{ type: 'function', name: 'h' }] },
];

const start: GenerationEvent = { type: 'start', promptTokens: 7 };
const text = (content: string, more: object = {}): GenerationEvent => ({
  type: 'text-delta',
  text: content,
  tokens: 1,
  ...more,
});
const thought = (content: string): GenerationEvent => ({ type: 'reasoning-delta', text: content, tokens: 1 });
const call = (index: number, piece: string, name?: string): GenerationEvent => ({
  type: 'tool-call-delta',
  index,
  arguments: piece,
  tokens: 1,
  ...(name === undefined ? {} : { call: { id: `call_${String(index)}`, name } }),
});
const finish = (reason: 'stop' | 'length' | 'tool_calls' | 'repetition' = 'stop'): GenerationEvent => ({
  type: 'finish',
  reason,
  usage: { promptTokens: 7, cachedTokens: 3, completionTokens: 4, reasoningTokens: 2 },
  timings: { queueMs: 0, prefillMs: 6, decodeMs: 9 },
});

const token = (id: number) => ({ id, text: 'a', bytes: [97], logProb: -1, likeliest: [] });

const part = (content: string) => ({ type: 'output_text', text: content, annotations: [], logprobs: [] });

interface EventJson {
  readonly type: string;
  readonly sequence_number: number;
  readonly output_index?: number;
  readonly delta?: string;
  readonly item?: { readonly id: string };
  readonly item_id?: string;
  readonly response?: ResponseJson;
}

function settingsOf(fields: object): ResponseSettings {
  return parse(fields).answer;
}

function streamed(events: readonly GenerationEvent[], fields: object = {}): EventJson[] {
  const writer = new EventWriter(identity, settingsOf(fields), () => undefined);
  return sseValues(writer, [start, ...events]) as EventJson[];
}

async function* told(events: readonly GenerationEvent[]) {
  await Promise.resolve();
  yield* events;
}

function whole(events: readonly GenerationEvent[], fields: object = {}): Promise<ResponseJson> {
  const format = responsesFormat(noArchive);
  return format.answer(identity, told([start, ...events]), parse(fields)) as Promise<ResponseJson>;
}

/** The events between the begin and the end of the response. */
const middle = (events: readonly EventJson[]) => events.slice(2, -1);

const everything = [
  thought('Let me '),
  thought('see.'),
  text('I look'),
  text(' é"\n.'),
  call(0, '', 'f'),
  call(0, '{"a"'),
  call(0, ':1}'),
  call(1, '{"input":"x \\"y\\""}', 'g'),
  call(2, '{}', 'n__h'),
  finish('tool_calls'),
];

describe('a stream', () => {
  it("tells llama-server's timings beside the response, and in every delta where that is asked for", () => {
    const events = [{ type: 'prefilled', cachedTokens: 3, queueMs: 0, prefillMs: 6 } as const, ...everything];
    const timings = { cache_n: 3, prompt_n: 4, prompt_ms: 6 };
    const asked = streamed(events, { tools, timings_per_token: true });
    expect(asked.at(-1)).toMatchObject({ timings: { ...timings, predicted_n: 4 } });
    const deltas = asked.filter(({ type }) => type.endsWith('.delta'));
    const counts = deltas.map((delta) => (delta as { timings?: { predicted_n: number } }).timings?.predicted_n);
    expect(counts.slice(0, 4)).toEqual([1, 2, 3, 4]);
    expect(deltas).toEqual(deltas.map(() => expect.objectContaining({ timings: expect.objectContaining(timings) })));
    const plain = streamed(events, { tools });
    expect(plain.slice(0, -1).filter((event) => 'timings' in event)).toEqual([]);
    expect(plain.at(-1)).toMatchObject({ timings });
  });

  it('ends with the response that is given in one piece, whose items are those of its events', async () => {
    for (const fields of [
      { tools },
      { tools, reasoning: { summary: 'auto' }, include: ['reasoning.encrypted_content'] },
    ]) {
      const events = streamed(everything, fields);
      const response = await whole(everything, fields);
      expect({ ...events.at(-1)?.response, completed_at: 0 }).toEqual({ ...response, completed_at: 0 });
      const done = events.filter(({ type }) => type === 'response.output_item.done');
      expect(done.map(({ item }) => item)).toEqual(response.output);
      expect(events.map(({ sequence_number: number }) => number)).toEqual(events.map((_, index) => index));
      for (const { item, output_index: index } of done) {
        const added = events.find(
          (event) => event.type === 'response.output_item.added' && event.output_index === index,
        );
        expect(added?.item?.id).toBe(item?.id);
      }
    }
  });

  it('tells a text piece by piece', () => {
    const id = `msg_${'0'.repeat(32)}000`;
    const place = { item_id: id, output_index: 0, content_index: 0 };
    const item = { id, type: 'message', role: 'assistant' };
    expect(middle(streamed([text('One'), text(''), text(' two'), finish()]))).toEqual([
      {
        type: 'response.output_item.added',
        sequence_number: 2,
        output_index: 0,
        item: { ...item, status: 'in_progress', content: [] },
      },
      { type: 'response.content_part.added', sequence_number: 3, ...place, part: part('') },
      { type: 'response.output_text.delta', sequence_number: 4, ...place, delta: 'One', logprobs: [] },
      { type: 'response.output_text.delta', sequence_number: 5, ...place, delta: ' two', logprobs: [] },
      { type: 'response.output_text.done', sequence_number: 6, ...place, text: 'One two', logprobs: [] },
      { type: 'response.content_part.done', sequence_number: 7, ...place, part: part('One two') },
      {
        type: 'response.output_item.done',
        sequence_number: 8,
        output_index: 0,
        item: { ...item, status: 'completed', content: [part('One two')] },
      },
    ]);
  });

  it('tells calls, each in the form of its tool', () => {
    const events = middle(streamed(everything.slice(4), { tools }));
    expect(events.map(({ type, output_index: index, delta }) => [type, index, delta])).toEqual([
      ['response.output_item.added', 0, undefined],
      ['response.function_call_arguments.delta', 0, '{"a"'],
      ['response.function_call_arguments.delta', 0, ':1}'],
      ['response.function_call_arguments.done', 0, undefined],
      ['response.output_item.done', 0, undefined],
      ['response.output_item.added', 1, undefined],
      ['response.custom_tool_call_input.delta', 1, 'x "y"'],
      ['response.custom_tool_call_input.done', 1, undefined],
      ['response.output_item.done', 1, undefined],
      ['response.output_item.added', 2, undefined],
      ['response.function_call_arguments.delta', 2, '{}'],
      ['response.function_call_arguments.done', 2, undefined],
      ['response.output_item.done', 2, undefined],
    ]);
    expect(events[0]?.item).toMatchObject({ type: 'function_call', call_id: 'call_0', name: 'f', arguments: '' });
    expect(events[8]?.item).toMatchObject({ type: 'custom_tool_call', call_id: 'call_1', name: 'g', input: 'x "y"' });
    expect(events[12]?.item).toMatchObject({ type: 'function_call', namespace: 'n', name: 'h', arguments: '{}' });
  });

  it('gives the reasoning as a summary where one is asked for', () => {
    const events = middle(streamed([thought('a'), thought('b'), finish()], { reasoning: { summary: 'detailed' } }));
    expect(events.map(({ type }) => type.replace('response.', ''))).toEqual([
      'output_item.added',
      'reasoning_summary_part.added',
      'reasoning_summary_text.delta',
      'reasoning_summary_text.delta',
      'reasoning_summary_text.done',
      'reasoning_summary_part.done',
      'output_item.done',
    ]);
    expect(events.at(-1)?.item).toMatchObject({ summary: [{ type: 'summary_text', text: 'ab' }], content: [] });
  });

  it('reports the prompt while it is computed', () => {
    const progress: GenerationEvent = { type: 'progress', promptTokens: 7, cachedTokens: 3, doneTokens: 5, ms: 2 };
    const events = streamed([progress, text('a'), finish()], { stream: true, return_progress: true });
    expect(events[2]).toMatchObject({
      type: 'response.in_progress',
      prompt_progress: { total: 7, cache: 3, processed: 5, time_ms: 2 },
    });
  });

  it('ends with its failure, after what had come', () => {
    const writer = new EventWriter(identity, settingsOf({}), () => undefined);
    for (const event of [start, text('a')]) writer.of(event);
    const failure = writer.failure(new VserveError('shutting_down', 'Later.'));
    expect(failure.map((event) => /^event: (.*)$/m.exec(event)?.[1])).toEqual(['error', 'response.failed']);
    expect(failure[0]).toContain('"type":"error","sequence_number":5,"code":"shutting_down","message":"Later."');
    expect(writer.response).toMatchObject({
      status: 'failed',
      error: { code: 'shutting_down', message: 'Later.' },
      output: [{ status: 'incomplete', content: [{ text: 'a' }] }],
    });
  });

  it('begins even if it fails before the model has', () => {
    const writer = new EventWriter(identity, settingsOf({}), () => undefined);
    expect(writer.failure(new Error('x')).map((event) => /^event: (.*)$/m.exec(event)?.[1])).toEqual([
      'response.created',
      'error',
      'response.failed',
    ]);
  });

  it('that the backend does not finish is a failure', () => {
    const writer = new EventWriter(identity, settingsOf({}), () => undefined);
    writer.of(start);
    expect(() => writer.end()).toThrow('finish');
  });
});

describe('a response', () => {
  it('that is cut is incomplete, as is its last item', async () => {
    expect(await whole([thought('a'), text('b'), finish('length')])).toMatchObject({
      status: 'incomplete',
      completed_at: null,
      incomplete_details: { reason: 'max_output_tokens' },
      output: [
        { type: 'reasoning', status: 'completed' },
        { type: 'message', status: 'incomplete' },
      ],
    });
    expect((await whole([text('b'), finish('repetition')])).incomplete_details).toEqual({ reason: 'repetition' });
  });

  it.each([
    ['{"inp', ''],
    ['{"input":"a', 'a'],
    ['{"input":"a\\u00', 'a'],
    ['{"input":"a\\', 'a'],
    ['{"input":"a"', 'a'],
  ])('has what there is of the input of a custom tool: %s', async (piece, input) => {
    const { output } = await whole([call(0, piece, 'g'), finish('length')], { tools });
    expect(output).toMatchObject([{ type: 'custom_tool_call', status: 'incomplete', input }]);
  });

  it('of a model that says nothing is an empty text', async () => {
    expect((await whole([finish()])).output).toMatchObject([{ type: 'message', content: [{ text: '' }] }]);
  });

  it('has its usage, with the details', async () => {
    expect((await whole([text('a'), finish()])).usage).toEqual({
      input_tokens: 7,
      input_tokens_details: { cached_tokens: 3, cache_write_tokens: 0 },
      output_tokens: 4,
      output_tokens_details: { reasoning_tokens: 2 },
      total_tokens: 11,
    });
  });

  it('has log probabilities where asked for, of hidden tokens too', async () => {
    const events = [text('a', { logProbs: [token(1)] }), text('', { logProbs: [token(2)] }), finish()];
    const asked = { include: ['message.output_text.logprobs'] };
    const { output } = await whole(events, asked);
    expect(output).toMatchObject([{ content: [{ logprobs: [{ id: 1 }, { id: 2 }] }] }]);
    const deltas = streamed(events, asked).filter(({ delta }) => delta !== undefined);
    expect(deltas).toMatchObject([
      { delta: 'a', logprobs: [{ id: 1 }] },
      { delta: '', logprobs: [{ id: 2 }] },
    ]);
    expect((await whole(events)).output).toMatchObject([{ content: [{ logprobs: [] }] }]);
  });

  it('brings its reasoning back, sealed', async () => {
    const { output } = await whole([thought('deep é'), text('a'), finish()], {
      include: ['reasoning.encrypted_content'],
    });
    const [reasoning, message] = output as readonly { readonly encrypted_content?: string }[];
    const again = { type: 'reasoning', summary: [], encrypted_content: reasoning?.encrypted_content };
    const { messages } = parse({ input: [{ role: 'user', content: 'x' }, again, message] });
    expect(messages[1]?.reasoning).toBe('deep é');
  });
});
