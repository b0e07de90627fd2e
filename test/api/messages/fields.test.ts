import { describe, expect, it } from 'vitest';
import { parseCountRequest } from '../../../src/api/messages/index.ts';
import { failureOf, hello, parse } from './support.ts';

const schema = { type: 'object', properties: { a: { type: 'string' } } };
const look = { name: 'look', description: 'Looks.', input_schema: schema };
const tool = {
  name: 'look',
  description: 'Looks.',
  parameters: schema,
  param: 'tools[0]',
  parametersParam: 'tools[0].input_schema',
};

describe('max_tokens', () => {
  it('is required, but for a count', () => {
    expect(failureOf({ max_tokens: undefined })).toMatchObject({ code: 'invalid_request', param: 'max_tokens' });
    expect(parseCountRequest({ messages: hello }, { allowExtraFields: false }).maxTokens).toBeUndefined();
  });

  it.each([0, -1, 1.5, '5'])('cannot be %j', (max_tokens) => {
    expect(failureOf({ max_tokens })).toMatchObject({ code: 'invalid_request', param: 'max_tokens' });
  });
});

describe('a field', () => {
  it.each([
    [{ stop_sequences: ['a', 'b'] }, { stop: ['a', 'b'] }],
    [{ temperature: 0.5, top_p: 0.9, top_k: 5 }, { sampling: { temperature: 0.5, topP: 0.9, topK: 5 } }],
    // What Anthropic's API does not have, by its name in the other formats.
    [{ min_p: 0.1, seed: 7 }, { sampling: { minP: 0.1, seed: 7 } }],
    [
      { stream: true, model: 'm' },
      { stream: true, model: 'm' },
    ],
    [
      { thinking: { type: 'enabled', budget_tokens: 2000 } },
      { reasoning: { maxTokens: 2000 }, template: { variables: { enable_thinking: true } } },
    ],
    [{ thinking: { type: 'disabled' } }, { template: { variables: { enable_thinking: false } } }],
    [{ thinking: { type: 'between_tools' } }, { template: { variables: { enable_thinking: false } } }],
    [
      { thinking: { type: 'adaptive', display: 'omitted' } },
      { template: { variables: {} }, answer: { showsThinking: false } },
    ],
    [
      { output_config: { effort: 'low' } },
      { template: { variables: { reasoning_effort: 'low', enable_thinking: true } } },
    ],
    [{ output_config: { effort: 'max' } }, { template: { variables: { reasoning_effort: 'high' } } }],
    [
      { output_config: { format: { type: 'json_schema', schema } } },
      { format: { type: 'json-schema', schema, param: 'output_config.format.schema' } },
    ],
    [{ output_format: { type: 'json_schema', schema } }, { format: { type: 'json-schema', schema } }],
    [{ tools: [look] }, { tools: { tools: [tool], choice: 'auto', parallel: undefined } }],
    [{ tools: [{ ...look, type: 'custom' }], tool_choice: { type: 'any' } }, { tools: { choice: 'required' } }],
    [
      { tools: [look], tool_choice: { type: 'tool', name: 'look', disable_parallel_tool_use: true } },
      { tools: { choice: { name: 'look' }, parallel: false } },
    ],
    [{ tools: [look], tool_choice: { type: 'none' } }, { tools: { choice: 'none' } }],
    [
      { tools: [{ ...look, input_examples: [{ a: 'x' }] }] },
      { tools: { tools: [{ description: 'Looks.\n\nExamples of its input:\n{"a":"x"}' }] } },
    ],
  ])('%j is a setting', (fields, expected) => {
    expect(parse(fields)).toMatchObject(expected);
  });

  it('of an effort does not contradict a request not to think', () => {
    expect(parse({ thinking: { type: 'disabled' }, output_config: { effort: 'high' } }).template.variables).toEqual({
      enable_thinking: false,
      thinking: false,
    });
  });

  it.each([
    { metadata: { user_id: 'u' } },
    { service_tier: 'auto' },
    { cache_control: { type: 'ephemeral' } },
    { betas: ['x'] },
    { inference_geo: 'eu' },
    { speed: 'fast' },
    { mcp_servers: [] },
    { stop_sequences: [] },
    { tools: [] },
    { system: null, thinking: null, tools: null },
  ])('%j changes nothing', (fields) => {
    const plain = parse({});
    expect(parse(fields)).toEqual({ ...plain, askedBy: expect.anything() as object });
  });

  it.each([
    [{ mcp_servers: [{ type: 'url', url: 'https://example.org' }] }, 'mcp_servers'],
    [{ container: 'c' }, 'container'],
    [{ tools: [{ type: 'web_search_20250305', name: 'web_search' }] }, 'tools[0].type'],
    [{ tools: [look, { type: 'bash_20250124', name: 'bash' }] }, 'tools[1].type'],
    [{ tools: [{ ...look, allowed_callers: ['code_execution_20250825'] }] }, 'tools[0].allowed_callers'],
    [{ output_config: { format: { type: 'xml' } } }, 'output_config.format.type'],
    [{ tool_choice: { type: 'some' }, tools: [look] }, 'tool_choice.type'],
  ])('%j is refused, since it would change the answer', (fields, param) => {
    expect(failureOf(fields)).toMatchObject({ code: 'unsupported_parameter', param });
  });

  it.each([
    [{ max_token: 5 }, 'max_token'],
    [{ response_format: { type: 'json_object' } }, 'response_format'],
    [{ n: 2 }, 'n'],
    [{ thinking: { type: 'on' } }, 'thinking.type'],
    [{ tools: [{ ...look, parameters: {} }] }, 'tools[0].parameters'],
    [{ tools: [{ name: 'look' }] }, 'tools[0].input_schema'],
    [{ tools: [look, look] }, 'tools[1].name'],
    [{ tools: [look], tool_choice: { type: 'tool' } }, 'tool_choice.name'],
    [{ tools: [look], tool_choice: { type: 'tool', name: 'touch' } }, 'tool_choice.name'],
    [{ tools: [look], tool_choice: { type: 'auto', mode: 'x' } }, 'tool_choice.mode'],
    [{ tool_choice: { type: 'any' } }, 'tool_choice'],
    [
      { context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 5 }] } },
      'context_management.edits[0].keep',
    ],
  ])('%j is not valid', (fields, param) => {
    expect(failureOf(fields)).toMatchObject({ code: 'invalid_request', param });
  });

  it('that nobody knows may be ignored', () => {
    expect(parse({ max_token: 5 }, true).maxTokens).toBe(100);
  });
});

it('what Claude Code sends is understood', () => {
  const reminder = { type: 'text', text: '<system-reminder>Today is Sunday.</system-reminder>\n\n' };
  const request = parse({
    model: 'm',
    messages: [
      {
        role: 'user',
        content: [reminder, { type: 'text', text: 'What is here?', cache_control: { type: 'ephemeral' } }],
      },
      { role: 'system', content: 'Available agents: one.' },
    ],
    system: [
      { type: 'text', text: 'x-anthropic-billing-header: cc_version=2.1.197.26b; cc_entrypoint=sdk-cli;' },
      { type: 'text', text: 'You are an agent.', cache_control: { type: 'ephemeral' } },
      { type: 'text', text: '\nYou help.' },
    ],
    tools: [{ ...look, eager_input_streaming: true, defer_loading: false }],
    metadata: { user_id: '{"device_id":"7eff"}' },
    max_tokens: 32_000,
    thinking: { type: 'adaptive' },
    context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] },
    output_config: { effort: 'high' },
    stream: true,
  });
  expect(request.messages).toEqual([
    { role: 'system', content: [{ type: 'text', text: 'You are an agent.\n\n\nYou help.' }] },
    {
      role: 'user',
      content: [
        reminder,
        { type: 'text', text: 'What is here?' },
        { type: 'text', text: '\n\n' },
        { type: 'text', text: '<system>\nAvailable agents: one.\n</system>' },
      ],
    },
  ]);
});
