import { describe, expect, it } from 'vitest';
import { LongText } from '../../../src/api/index.ts';
import { failureOf, noArchive, parse } from './support.ts';

const png = 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB';
const text = (content: string) => ({ type: 'text', text: content });
const user = (content: unknown) => ({ role: 'user', content });
const call = { type: 'function_call', call_id: 'c1', name: 'f', arguments: '{"a":1}' };

const reasoningOf = (fields: object) =>
  parse({ input: [user('a'), { type: 'reasoning', ...fields }, { role: 'assistant', content: 'b' }, user('c')] })
    .messages[1]?.reasoning;

const afterAnswer = (content: string) => parse({ input: [user('a'), { role: 'assistant', content }] });

describe('input', () => {
  it('may be a text, a list of messages, or absent beside instructions', () => {
    expect(parse({}).messages).toEqual([{ role: 'user', content: [text('hello')] }]);
    expect(parse({ input: [user('a')] }).messages).toEqual([{ role: 'user', content: [text('a')] }]);
    expect(parse({ input: undefined, instructions: 'i' }).messages).toEqual([{ role: 'system', content: [text('i')] }]);
  });

  it('joins the instructions and the messages of the developer that follow', () => {
    const developer = { type: 'message', role: 'developer', content: [{ type: 'input_text', text: 'd' }] };
    const { messages } = parse({ instructions: 'i', input: [developer, user('a'), developer, user('b')] });
    expect(messages.map(({ role, content }) => [role, content])).toEqual([
      ['system', [text('i\n\nd')]],
      ['user', [text('a')]],
      ['system', [text('d')]],
      ['user', [text('b')]],
    ]);
  });

  it('makes one message of what the assistant did between two others', () => {
    const { messages } = parse({
      input: [
        user('a'),
        { type: 'reasoning', id: 'rs_1', summary: [], content: [{ type: 'reasoning_text', text: 'hm' }] },
        {
          id: 'msg_1',
          type: 'message',
          role: 'assistant',
          status: 'completed',
          phase: 'commentary',
          content: [{ type: 'output_text', text: 'I look.', annotations: [], logprobs: [], parsed: null }],
        },
        { ...call, id: 'fc_1', status: 'completed', parsed_arguments: { a: 1 } },
        { type: 'custom_tool_call', call_id: 'c2', name: 'g', input: 'x "y"' },
        { type: 'function_call_output', call_id: 'c1', output: 'one' },
        {
          type: 'custom_tool_call_output',
          call_id: 'c2',
          output: [
            { type: 'input_text', text: 'two' },
            { type: 'input_image', image_url: png },
          ],
        },
      ],
    });
    expect(messages.slice(1)).toEqual([
      {
        role: 'assistant',
        content: [text('I look.')],
        reasoning: 'hm',
        toolCalls: [
          { id: 'c1', name: 'f', arguments: '{"a":1}' },
          { id: 'c2', name: 'g', arguments: '{"input":"x \\"y\\""}' },
        ],
      },
      { role: 'tool', content: [text('one')], toolCallId: 'c1', name: 'f' },
      {
        role: 'tool',
        content: [text('two'), { type: 'image', url: png, param: 'input[6].output[1]' }],
        toolCallId: 'c2',
        name: 'g',
      },
    ]);
  });

  it('brings reasoning back from what is sealed, or from its summary; that of other servers is left', () => {
    const sealed = `vserve1.${Buffer.from('deep').toString('base64url')}`;
    expect(reasoningOf({ summary: [], encrypted_content: sealed })).toBe('deep');
    expect(reasoningOf({ summary: [{ type: 'summary_text', text: 'short' }], encrypted_content: 'gAAA' })).toBe(
      'short',
    );
    expect(reasoningOf({ summary: [], content: null, encrypted_content: 'gAAA' })).toBe(undefined);
  });

  it('takes files that are images', () => {
    const bytes = new LongText([Buffer.from(png)]);
    for (const file_data of [png, png.slice(png.indexOf(',') + 1), bytes]) {
      const { messages } = parse({ input: [user([{ type: 'input_file', filename: 'a.png', file_data }])] });
      expect(messages[0]?.content).toMatchObject([{ type: 'image', param: 'input[0].content[0]' }]);
    }
  });

  it('takes files that are documents', () => {
    const file = { type: 'input_file', file_url: 'https://a/b.pdf', pages: '2-' };
    const { messages } = parse({ input: [user([file])] });
    const content = [{ type: 'document', url: file.file_url, pages: [{ first: 2 }], param: 'input[0].content[0]' }];
    expect(messages[0]?.content).toMatchObject(content);
  });

  it('takes what it refers to from the archive', () => {
    const items = { msg_1: { type: 'message', role: 'assistant', content: 'b' } };
    const archive = { ...noArchive, item: (id: string) => items[id as keyof typeof items] };
    const { messages, answer } = parse(
      { input: [user('a'), { type: 'item_reference', id: 'msg_1' }, user('c')] },
      archive,
    );
    expect(messages[1]).toEqual({ role: 'assistant', content: [text('b')] });
    // A reference may lead nowhere later.
    expect(answer.input[1]).toEqual(items.msg_1);
  });

  it('continues a conversation with its calls', () => {
    const before = [{ ...user('a'), type: 'message' }, call];
    const archive = { ...noArchive, conversation: () => before };
    const output = { type: 'function_call_output', call_id: 'c1', output: 'one' };
    const { messages } = parse({ instructions: 'i', previous_response_id: 'resp_1', input: [output] }, archive);
    expect(messages.map(({ role }) => role)).toEqual(['system', 'user', 'assistant', 'tool']);
  });

  it('goes on with an answer that it ends with, and begins an empty one', () => {
    expect(afterAnswer('It').template).toMatchObject({ continueFinalMessage: true, addGenerationPrompt: false });
    expect(afterAnswer('').template).toMatchObject({ continueFinalMessage: false, addGenerationPrompt: true });
    expect(afterAnswer('').messages).toHaveLength(1);
  });

  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'invalid_request input'],
    ['no item', [], 'invalid_request input'],
    ['a number', 5, 'invalid_request input'],
    ['an item that is no object', ['a'], 'invalid_request input[0]'],
    ['an item without a type', [{ content: 'a' }], 'invalid_request input[0].type'],
    ['a search', [{ type: 'web_search_call' }], 'unsupported_parameter input[0].type'],
    ['an unknown role', [{ role: 'tool', content: 'a' }], 'invalid_request input[0].role'],
    ['an unknown key', [{ ...user('a'), names: 'b' }], 'invalid_request input[0].names'],
    ['a lost image', [{ ...user('a'), image_url: png }], 'unsupported_parameter input[0].image_url'],
    ['an unknown part', [user([{ type: 'input_audio' }])], 'unsupported_parameter input[0].content[0].type'],
    [
      'an image by id',
      [user([{ type: 'input_image', file_id: 'f' }])],
      'unsupported_parameter input[0].content[0].file_id',
    ],
    [
      'a file by id',
      [user([{ type: 'input_file', file_id: 'f' }])],
      'unsupported_parameter input[0].content[0].file_id',
    ],
    ['a file without data', [user([{ type: 'input_file' }])], 'invalid_request input[0].content[0].file_data'],
    ['arguments that are no JSON', [user('a'), { ...call, arguments: 'x' }], 'invalid_request input[1].arguments'],
    [
      'a result of no call',
      [user('a'), { type: 'function_call_output', call_id: 'c1', output: 'x' }],
      'invalid_request input[1].call_id',
    ],
    [
      'a result without output',
      [call, { type: 'function_call_output', call_id: 'c1' }],
      'invalid_request input[1].output',
    ],
    ['a call without a result', [user('a'), call], 'invalid_request input[1]'],
    ['a reference', [{ type: 'item_reference', id: 'msg_1' }], 'response_not_found input[0].id'],
    [
      'reasoning of another kind',
      [user('a'), { type: 'reasoning', summary: [{ type: 'x', text: 'a' }] }],
      'unsupported_parameter input[1].summary[0].type',
    ],
  ])('is refused with %s', (_, input, failure) => {
    expect(failureOf({ input })).toBe(failure);
  });
});
