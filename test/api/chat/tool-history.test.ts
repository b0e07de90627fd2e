import { describe, expect, it } from 'vitest';
import { failureOf, parse } from './support.ts';
import { growth } from '../../support/growth.ts';

const call = (id: string | undefined, name: string, args: unknown = '{}') => ({
  id,
  type: 'function',
  function: { name, arguments: args },
});
const calling = (...calls: readonly unknown[]) => ({ role: 'assistant', content: null, tool_calls: calls });
const result = (fields: object) => ({ role: 'tool', content: 'sunny', ...fields });
const question = { role: 'user', content: 'Weather?' };

const messagesOf = (...messages: readonly unknown[]) => parse({ messages: [question, ...messages] }).messages.slice(1);
const refusalOf = (...messages: readonly unknown[]) => failureOf({ messages: [question, ...messages] });
const text = (said: string) => [{ type: 'text', text: said }];

/** CPU time to read so many calls and results that name their functions, the last call's result first. */
function cpuMs(pairs: number): number {
  const calls = Array.from({ length: pairs }, (_, i) => call(undefined, `f${i}`));
  const results = Array.from({ length: pairs }, (_, i) => result({ name: `f${pairs - 1 - i}` }));
  const before = process.cpuUsage();
  messagesOf(calling(...calls), ...results);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

describe('tool calls of earlier turns', () => {
  it('stand beside no content where it is null or absent, beside an empty text where that is sent', () => {
    const contents = [{ content: null }, {}, { content: '' }].map((content) => {
      const answer = { role: 'assistant', ...content, tool_calls: [call('a', 'weather')] };
      const [message] = messagesOf(answer, result({ tool_call_id: 'a' }));
      return message?.content;
    });
    expect(contents).toEqual([[], [], text('')]);
  });

  it('are read with their results', () => {
    const messages = messagesOf(
      calling(call('a', 'weather', '{"city": "Rome"}'), call('b', 'time')),
      result({ tool_call_id: 'b', content: [{ type: 'text', text: 'noon' }] }),
      result({ tool_call_id: 'a', name: 'weather' }),
    );
    expect(messages).toEqual([
      {
        role: 'assistant',
        content: [],
        toolCalls: [
          { id: 'a', name: 'weather', arguments: '{"city": "Rome"}' },
          { id: 'b', name: 'time', arguments: '{}' },
        ],
      },
      { role: 'tool', content: text('noon'), toolCallId: 'b', name: 'time' },
      { role: 'tool', content: text('sunny'), toolCallId: 'a', name: 'weather' },
    ]);
  });

  it('may have images as their results', () => {
    const [, answer] = messagesOf(
      calling(call('a', 'screenshot')),
      result({ tool_call_id: 'a', content: [{ type: 'image_url', image_url: { url: 'http://a/' } }] }),
    );
    expect(answer?.content).toEqual([{ type: 'image', url: 'http://a/', param: 'messages[2].content[0]' }]);
  });

  it.each([
    ['an object', { city: 'Rome' }, '{"city":"Rome"}'],
    ['nothing', undefined, '{}'],
    ['an empty text', ' ', '{}'],
    ['text as the model wrote it', '{ "city":"Rome" }', '{ "city":"Rome" }'],
  ])('take arguments from %s', (_, given, expected) => {
    const [first] = messagesOf(calling(call('a', 'f', given)), result({ tool_call_id: 'a' }));
    expect(first?.toolCalls?.[0]?.arguments).toBe(expected);
  });

  it.each([
    ['{"city": '],
    ['[]'],
    ['"Rome"'],
    [5],
    [[]],
    ['['.repeat(1e5)],
    [`{"a":${'['.repeat(200)}${']'.repeat(200)}}`],
  ])('refuse %j as arguments', (given) => {
    expect(refusalOf(calling(call('a', 'f', given)))).toMatchObject({
      code: 'invalid_request',
      param: 'messages[1].tool_calls[0].function.arguments',
    });
  });

  it('without ids are answered in order, or by name', () => {
    const messages = messagesOf(
      calling(call(undefined, 'f'), call(undefined, 'g'), call(undefined, 'f')),
      result({ tool_name: 'g' }),
      result({}),
      result({ name: 'f' }),
    );
    const ids = messages[0]?.toolCalls?.map(({ id }) => id) ?? [];
    expect(new Set(ids).size).toBe(3);
    expect(messages.slice(1).map(({ toolCallId }) => toolCallId)).toEqual([ids[1], ids[0], ids[2]]);
  });

  it('do not share an id that was made for one of them', () => {
    const [first] = messagesOf(calling(call('call_0', 'f'), call(undefined, 'g')), result({}), result({}));
    expect(first?.toolCalls?.map(({ id }) => id)).toEqual(['call_0', 'call_1']);
  });

  it("are read in OpenAI's older form", () => {
    const messages = messagesOf(
      { role: 'assistant', content: null, function_call: { name: 'f', arguments: '{"a":1}' } },
      { role: 'function', name: 'f', content: 'sunny' },
    );
    expect(messages).toEqual([
      { role: 'assistant', content: [], toolCalls: [{ id: 'call_0', name: 'f', arguments: '{"a":1}' }] },
      { role: 'tool', content: text('sunny'), toolCallId: 'call_0', name: 'f' },
    ]);
  });

  it.each<[string, unknown[], string]>([
    ['a result without a call', [result({ tool_call_id: 'a' })], 'messages[1].tool_call_id'],
    ['a result of another call', [calling(call('a', 'f')), result({ tool_call_id: 'b' })], 'messages[2].tool_call_id'],
    ['a result before its call', [result({ tool_call_id: 'a' }), calling(call('a', 'f'))], 'messages[1].tool_call_id'],
    ['a second result without an id', [calling(call('a', 'f')), result({}), result({})], 'messages[3].tool_call_id'],
    ['an id that is no text', [calling(call('a', 'f')), result({ tool_call_id: 5 })], 'messages[2].tool_call_id'],
    ['a result of a function nobody called', [{ role: 'function', name: 'f', content: '' }], 'messages[1].name'],
    ['calls of a user', [{ ...calling(call('a', 'f')), role: 'user' }], 'messages[1].tool_calls'],
    ['a result of a user', [{ ...result({ tool_call_id: 'a' }), role: 'user' }], 'messages[1].tool_call_id'],
    ['calls that are no list', [{ role: 'assistant', tool_calls: {} }], 'messages[1].tool_calls'],
    ['a call that is no object', [calling('f')], 'messages[1].tool_calls[0]'],
    ['a call without a function', [calling({ id: 'a' })], 'messages[1].tool_calls[0].function'],
    ['a call without a name', [calling({ id: 'a', function: {} })], 'messages[1].tool_calls[0].function.name'],
    ['a call whose id is no text', [calling({ ...call('a', 'f'), id: 5 })], 'messages[1].tool_calls[0].id'],
    ['an unknown key', [calling({ ...call('a', 'f'), foo: 5 })], 'messages[1].tool_calls[0].foo'],
  ])('are refused: %s', (_, messages, param) => {
    expect(refusalOf(...messages)).toMatchObject({ code: 'invalid_request', param });
  });

  it('are functions', () => {
    const param = 'messages[1].tool_calls[0].type';
    for (const other of [{ id: 'a', custom: { name: 'f', input: '' } }, call('a', 'f')])
      expect(refusalOf(calling({ ...other, type: 'custom' }))).toMatchObject({ code: 'unsupported_parameter', param });
  });

  it('may be many', async () => {
    cpuMs(500);
    const ratio = await growth(
      () => Math.max(1, cpuMs(2000)),
      () => cpuMs(8000),
      20,
    );
    expect(ratio).toBeLessThan(20);
  });
});
