import { describe, expect, it } from 'vitest';
import { failureOf, parse } from './support.ts';

const tool = (name: string, more: object = {}) => ({ type: 'function', function: { name, ...more } });
const tools = [tool('look', { description: 'Looks.' }), tool('wait')];
const choose = (tool_choice: unknown, more: object = {}) => parse({ tools, tool_choice, ...more }).tools;
const names = (fields: object) => parse(fields).tools?.tools.map(({ name }) => name);

describe('tools', () => {
  it('are functions with a description and parameters', () => {
    const parameters = { type: 'object', properties: { at: { $ref: '#/$defs/point' } }, $defs: { point: {} } };
    expect(parse({ tools: [tool('look', { description: 'Looks.', parameters, strict: null })] }).tools).toEqual({
      tools: [{ name: 'look', description: 'Looks.', parameters, param: 'tools[0].function' }],
      choice: 'auto',
      parallel: undefined,
    });
    expect(parse({ tools, parallel_tool_calls: false }).tools?.parallel).toBe(false);
    expect(parse({ tools: [] }).tools).toBeUndefined();
  });

  it('have names as OpenAI and MCP allow them', () => {
    for (const name of ['a', 'A_1-b', 'files.read', 'x'.repeat(128)])
      expect(names({ tools: [tool(name)] })).toEqual([name]);
    for (const name of ['', 'a b', 'a/b', 'é', 'x'.repeat(129), '__proto__\n', 5]) {
      expect(failureOf({ tools: [tool('ok'), tool(name as string)] })).toMatchObject({
        code: 'invalid_request',
        param: 'tools[1].function.name',
      });
    }
  });

  it('have a limit', () => {
    const many = Array.from({ length: 1025 }, (_, index) => tool(`f${String(index)}`));
    expect(names({ tools: many.slice(1) })).toHaveLength(1024);
    expect(failureOf({ tools: many })).toMatchObject({ param: 'tools' });
  });

  it('are bare functions in the old form, of which one is called', () => {
    const functions = [{ name: 'look' }, { name: 'wait' }];
    expect(parse({ functions }).tools).toMatchObject({
      tools: [{ name: 'look' }, {}],
      choice: 'auto',
      parallel: false,
    });
    expect(parse({ functions, function_call: 'none' }).tools?.choice).toBe('none');
    expect(parse({ functions, function_call: { name: 'wait' } }).tools?.choice).toEqual({ name: 'wait' });
    expect(failureOf({ functions, function_call: { name: 'go' } })).toMatchObject({ param: 'function_call.name' });
    expect(failureOf({ functions, tools })).toMatchObject({ code: 'invalid_request' });
    expect(failureOf({ functions, function_call: 'auto', tool_choice: 'auto' })).toMatchObject({
      param: 'tool_choice',
    });
  });
});

describe('a choice of tools', () => {
  it.each<[unknown, unknown]>([
    [null, 'auto'],
    ['auto', 'auto'],
    ['none', 'none'],
    ['required', 'required'],
    ['any', 'required'],
    [{ type: 'function', function: { name: 'wait' } }, { name: 'wait' }],
    [{ type: 'function', name: 'wait' }, { name: 'wait' }],
    [{ type: null, function: { name: 'wait' } }, { name: 'wait' }],
  ])('may be %j', (choice, expected) => {
    expect(choose(choice)?.choice).toEqual(expected);
    expect(choose(choice)?.tools).toHaveLength(2);
  });

  it.each(['auto', 'required'])('may allow some of them: %s', (mode) => {
    const allowed = { mode, tools: [tool('wait')] };
    for (const choice of [
      { type: 'allowed_tools', allowed_tools: allowed },
      { type: 'allowed_tools', ...allowed },
    ]) {
      expect(choose(choice)).toMatchObject({ choice: mode, tools: [{ name: 'wait' }] });
      expect(choose(choice)?.tools).toHaveLength(1);
    }
  });

  it.each<[unknown, string]>([
    ['sometimes', 'tool_choice'],
    [{ type: 'function' }, 'tool_choice.function'],
    [{ type: 'function', function: {} }, 'tool_choice.function.name'],
    [{ type: 'function', function: { name: 'go' } }, 'tool_choice.function.name'],
    [{ type: 'function', function: { name: 'wait' }, name: 'look' }, 'tool_choice.name'],
    [{ type: 'function', function: { name: 'wait', at: 1 } }, 'tool_choice.function.at'],
    [{ type: 'function', name: 'go' }, 'tool_choice.name'],
    [{ type: 'custom', custom: { name: 'wait' } }, 'tool_choice.type'],
    [{ type: 'allowed_tools' }, 'tool_choice.tools'],
    [{ type: 'allowed_tools', allowed_tools: 5 }, 'tool_choice.allowed_tools'],
    [{ type: 'allowed_tools', mode: 'auto', tools: [] }, 'tool_choice.tools'],
    [{ type: 'allowed_tools', mode: 'none', tools: [tool('wait')] }, 'tool_choice.mode'],
    [{ type: 'allowed_tools', allowed_tools: { tools: [5] } }, 'tool_choice.allowed_tools.tools[0]'],
    [{ type: 'allowed_tools', tools: [{ type: 'mcp' }] }, 'tool_choice.tools[0].type'],
    [{ type: 'allowed_tools', tools: [tool('go')] }, 'tool_choice.tools[0].function.name'],
  ])('cannot be %j', (choice, param) => {
    expect(failureOf({ tools, tool_choice: choice })).toMatchObject({ param });
  });

  it('is among functions, which all tools are', () => {
    expect(failureOf({ tools: [{ type: 'custom', custom: { name: 'wait' } }] })).toMatchObject({
      code: 'unsupported_parameter',
      param: 'tools[0].type',
    });
  });

  it('that asks for a call needs tools', () => {
    for (const choice of ['required', { type: 'function', function: { name: 'f' } }]) {
      expect(failureOf({ tool_choice: choice, tools: [] })).toMatchObject({
        code: 'invalid_request',
        param: 'tool_choice',
      });
    }
  });
});

describe('a format', () => {
  const grammar = 'root ::= "a"';

  it.each<[object, string]>([
    [{ response_format: { type: 'json_object' }, grammar }, 'response_format'],
    [{ json_schema: { type: 'object' }, guided_json: { type: 'object' } }, 'json_schema'],
    [{ structured_outputs: { choice: ['a'] }, format: 'json' }, 'structured_outputs.choice'],
  ])('is refused beside another: %j', (fields, param) => {
    expect(failureOf(fields)).toMatchObject({ code: 'invalid_request', param });
  });

  it('may stand beside text, which is none', () => {
    expect(parse({ response_format: { type: 'text' }, grammar }).format).toMatchObject({ type: 'gbnf' });
  });

  it('of the whole answer leaves no room for calls', () => {
    for (const fields of [{ grammar }, { guided_regex: 'a' }, { structured_outputs: { choice: ['a'] } }]) {
      expect(failureOf({ tools, ...fields })).toMatchObject({
        code: 'invalid_request',
        message: expect.stringContaining('cannot be combined with tools') as string,
      });
      expect(() => parse({ tools, tool_choice: 'none', ...fields })).not.toThrow();
    }
    expect(failureOf({ tools, structured_outputs: { regex: 'a' } }).param).toBe('structured_outputs.regex');
  });

  it('of JSON is asked of the text beside the calls', () => {
    const format = { type: 'json_schema', json_schema: { name: 'a', schema: { type: 'object' } } };
    expect(parse({ tools, response_format: format })).toMatchObject({
      tools: { choice: 'auto' },
      format: { type: 'json-schema' },
    });
  });

  it('keeps its schema as it is, with its nulls and the order of its keys', () => {
    const schema = JSON.parse(
      '{"properties":{"b":{"enum":[null,1]},"a":{"const":null}},"__proto__":{"x":1}}',
    ) as object;
    const { format } = parse({ guided_json: schema });
    expect(JSON.stringify(format)).toContain(JSON.stringify(schema));
  });

  it('has a schema that is not nested without end', () => {
    const deep = JSON.parse('{"not":'.repeat(200) + '{}' + '}'.repeat(200)) as object;
    expect(failureOf({ guided_json: deep })).toMatchObject({ code: 'invalid_request', param: 'guided_json' });
    expect(failureOf({ tools: [tool('f', { parameters: deep })] })).toMatchObject({
      param: 'tools[0].function.parameters',
    });
  });
});

describe('numbers of tokens', () => {
  it('must not contradict each other', () => {
    expect(failureOf({ min_tokens: 6, max_tokens: 5 })).toMatchObject({ code: 'invalid_request', param: 'min_tokens' });
    expect(parse({ min_tokens: 5, max_tokens: 5 }).minTokens).toBe(5);
  });

  it('of log probabilities need logprobs', () => {
    expect(parse({ logprobs: true, top_logprobs: 20 }).logProbs).toBe(20);
    expect(parse({ logprobs: true }).logProbs).toBe(0);
    expect(failureOf({ logprobs: false, top_logprobs: 1 })).toMatchObject({ param: 'top_logprobs' });
  });

  it('that do not fit into 32 bits are as many as fit', () => {
    const { minTokens, sampling } = parse({ min_tokens: 1e300, repeat_last_n: 1e15 });
    expect([minTokens, sampling.penaltyWindow]).toEqual([2 ** 31 - 1, 2 ** 31 - 1]);
  });
});

describe('echo', () => {
  const answered = [
    { role: 'user', content: 'Tell.' },
    {
      role: 'assistant',
      content: [
        { type: 'text', text: 'Once ' },
        { type: 'text', text: 'upon' },
      ],
    },
  ];

  it('repeats the message that is continued, and nothing else', () => {
    expect(parse({ messages: answered, echo: true }).answer.prefix).toBe('Once upon');
    expect(parse({ messages: answered }).answer.prefix).toBe('');
    expect(parse({ messages: answered, echo: true, continue_final_message: false }).answer.prefix).toBe('');
    expect(parse({ echo: true }).answer.prefix).toBe('');
  });
});

describe('progress', () => {
  it('is reported in streams', () => {
    expect(parse({ return_progress: true, stream: true }).reportProgress).toBe(true);
    expect(parse({ return_progress: true }).reportProgress).toBe(false);
  });
});
