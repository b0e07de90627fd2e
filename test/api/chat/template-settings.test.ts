import { describe, expect, it } from 'vitest';
import { failureOf, hello, parse } from './support.ts';

const variablesOf = (fields: object) => parse(fields).template.variables;
const off = { enable_thinking: false, thinking: false };
const on = { enable_thinking: true, thinking: true };

function nested(depth: number): unknown {
  return JSON.parse('['.repeat(depth) + ']'.repeat(depth));
}

function endOf(fields: object): object {
  const { addGenerationPrompt, continueFinalMessage } = parse(fields).template;
  return { addGenerationPrompt, continueFinalMessage };
}

describe('thinking', () => {
  it.each<[object, object]>([
    [{ enable_thinking: false, reasoning_effort: 'none', think: false }, off],
    [
      { thinking: { type: 'enabled' }, reasoning: { enabled: true, effort: 'high' } },
      { ...on, reasoning_effort: 'high' },
    ],
    [{ chat_template_kwargs: { enable_thinking: false } }, { enable_thinking: false }],
    [{ chat_template_kwargs: { enable_thinking: false }, reasoning_effort: 'none' }, off],
    // The template's own variable decides beside an effort, as in vLLM.
    [
      { chat_template_kwargs: { enable_thinking: false }, reasoning_effort: 'low' },
      { enable_thinking: false, reasoning_effort: 'low' },
    ],
    [
      { chat_template_kwargs: { thinking: false }, reasoning_effort: 'low' },
      { thinking: false, reasoning_effort: 'low' },
    ],
    [{ chat_template_kwargs: { reasoning_effort: 'low' } }, { reasoning_effort: 'low' }],
  ])('is asked for by %j', (fields, variables) => {
    expect(variablesOf(fields)).toEqual(variables);
  });

  it.each<[object, string]>([
    [{ enable_thinking: true, reasoning_effort: 'none' }, 'enable_thinking'],
    [{ enable_thinking: false, reasoning_effort: 'high' }, 'enable_thinking'],
    [{ enable_thinking: false, think: true }, 'enable_thinking'],
    [{ thinking: { type: 'enabled' }, reasoning: { enabled: false } }, 'thinking.type'],
    [{ reasoning_effort: 'low', reasoning: { effort: 'high' } }, 'reasoning_effort'],
    [{ reasoning: { max_tokens: 5 }, chat_template_kwargs: { thinking: false } }, 'reasoning.max_tokens'],
    [{ enable_thinking: true, chat_template_kwargs: { enable_thinking: false } }, 'enable_thinking'],
    [{ enable_thinking: true, chat_template_kwargs: { thinking: false } }, 'enable_thinking'],
    [{ reasoning_effort: 'none', chat_template_kwargs: { enable_thinking: true } }, 'reasoning_effort'],
    [{ reasoning_effort: 'low', chat_template_kwargs: { reasoning_effort: 'high' } }, 'reasoning_effort'],
  ])('is refused where fields contradict each other: %j', (fields, param) => {
    const failure = failureOf(fields);
    expect(failure).toMatchObject({ code: 'invalid_request', param });
    expect(failure.message).toContain(' contradict each other');
  });
});

function objectOf(keys: number): object {
  return Object.fromEntries(Array.from({ length: keys }, (_, i) => [`k${i}`, i]));
}

describe("the template's variables", () => {
  it('are any JSON, without those that are null', () => {
    const variables = JSON.parse('{"a":{"b":[1,null,"c"]},"__proto__":{"d":1},"e":true}') as object;
    expect(variablesOf({ chat_template_kwargs: { ...variables, f: null } })).toEqual(variables);
  });

  it('have keys to a limit, at any depth', () => {
    expect(Object.keys(parse({ chat_template_kwargs: objectOf(1000) }).template.variables)).toHaveLength(1000);
    for (const variables of [objectOf(1001), { a: [objectOf(1001)] }]) {
      expect(failureOf({ chat_template_kwargs: variables })).toMatchObject({
        code: 'invalid_request',
        message: expect.stringContaining('more than 1000 keys') as string,
      });
    }
  });

  it('do not replace the conversation', () => {
    expect(failureOf({ chat_template_kwargs: { messages: [] } })).toMatchObject({
      param: 'chat_template_kwargs.messages',
    });
  });

  it('are nested to a limit', () => {
    expect(() => variablesOf({ chat_template_kwargs: { a: nested(100) } })).not.toThrow();
    expect(failureOf({ chat_template_kwargs: { a: nested(101) } })).toMatchObject({ param: 'chat_template_kwargs' });
  });
});

describe("an assistant's message at the end", () => {
  const answered = [...hello, { role: 'assistant', content: 'Once upon' }];
  const continues = { addGenerationPrompt: false, continueFinalMessage: true };
  const opens = { addGenerationPrompt: true, continueFinalMessage: false };
  const ends = { addGenerationPrompt: false, continueFinalMessage: false };

  it.each<[string, object, object]>([
    ['is continued', { messages: answered }, continues],
    ['is continued where that is asked for', { messages: answered, continue_final_message: true }, continues],
    ["is continued for llama-server's word", { messages: answered, continue_final_message: 'content' }, continues],
    ['is continued without a new turn', { messages: answered, add_generation_prompt: false }, continues],
    ['is not continued where a new turn is asked for', { messages: answered, add_generation_prompt: true }, opens],
    ['is not continued where that is declined', { messages: answered, continue_final_message: false }, opens],
    ['is left', { messages: answered, continue_final_message: false, add_generation_prompt: false }, ends],
    ['is not there', { messages: hello }, opens],
    ['is not there, and no turn is opened', { messages: hello, add_generation_prompt: false }, ends],
  ])('%s', (_, fields, expected) => {
    expect(endOf(fields)).toEqual(expected);
  });

  it.each([[''], [' \n'], [null], [[]], [[{ type: 'text', text: '' }]]])('is begun where it is %j', (content) => {
    const { messages, template } = parse({ messages: [...hello, { role: 'assistant', content }] });
    expect(messages).toHaveLength(1);
    expect(template).toMatchObject({ addGenerationPrompt: true, continueFinalMessage: false });
  });

  it('is kept where it is empty, and not to be continued', () => {
    const { messages } = parse({
      messages: [...hello, { role: 'assistant', content: '' }],
      continue_final_message: false,
    });
    expect(messages).toHaveLength(2);
  });

  it('cannot be continued where it has but thought', () => {
    const thought = { role: 'assistant', content: '', reasoning_content: 'Hm.' };
    expect(failureOf({ messages: [...hello, thought] })).toMatchObject({
      code: 'unsupported_parameter',
      param: 'messages[1].reasoning_content',
    });
  });

  it('cannot be continued and followed by another', () => {
    const fields = { messages: answered, continue_final_message: true, add_generation_prompt: true };
    expect(failureOf(fields)).toMatchObject({ code: 'invalid_request', param: 'add_generation_prompt' });
  });

  it('must be there to be continued', () => {
    expect(failureOf({ continue_final_message: true })).toMatchObject({ param: 'continue_final_message' });
  });

  it('cannot be continued behind the tools it calls', () => {
    const calls = [{ id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } }];
    const messages = [...hello, { role: 'assistant', content: null, tool_calls: calls }];
    expect(failureOf({ messages })).toMatchObject({ code: 'invalid_request', param: 'messages[1].tool_calls' });
    expect(endOf({ messages, continue_final_message: false })).toEqual(opens);
  });
});
