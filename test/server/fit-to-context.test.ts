import { describe, expect, it } from 'vitest';
import { fitToContext } from '../../src/server/responses/fit-to-context.ts';
import { parse } from '../api/responses/support.ts';

const user = (content: string) => ({ role: 'user', content });
const call = { type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' };
const result = { type: 'function_call_output', call_id: 'c', output: 'r' };
const input = [
  user('one'),
  { role: 'assistant', content: 'a' },
  user('two'),
  call,
  result,
  user('three'),
  user('four'),
];

/** What of a conversation is left for a context: each message counts as ten tokens. */
async function left(contextLength: number, fields: object = {}): Promise<unknown[]> {
  const request = parse({ instructions: 'i', input, truncation: 'auto', max_output_tokens: 10, ...fields });
  const { messages } = await fitToContext(request, contextLength, (shorter) =>
    Promise.resolve(10 * shorter.messages.length),
  );
  return messages.map(({ content }) => content.map((part) => (part.type === 'text' ? part.text : '')).join(''));
}

describe('a conversation that may be truncated', () => {
  it('is whole if it fits', async () => {
    expect(await left(81)).toEqual(['i', 'one', 'a', 'two', '', 'r', 'three', 'four']);
  });

  it.each([
    [80, ['i', 'two', '', 'r', 'three', 'four']],
    [69, ['i', 'three', 'four']],
    [39, ['i', 'four']],
    [10, ['i', 'four']],
  ])('loses whole turns for a context of %i, but not its instructions and its end', async (contextLength, rest) => {
    expect(await left(contextLength)).toEqual(rest);
  });

  it('leaves room for an answer', async () => {
    expect(await left(80, { max_output_tokens: 40 })).toEqual(['i', 'three', 'four']);
    expect(await left(80, { max_output_tokens: 1000 })).toEqual(['i', 'three', 'four']);
  });

  it('is left as it is unless it is asked for', async () => {
    expect(await left(10, { truncation: 'disabled' })).toHaveLength(8);
    expect(await left(10, { input: 'one' })).toEqual(['i', 'one']);
  });
});
