import { describe, expect, it } from 'vitest';
import { failureOf, noArchive, parse } from './support.ts';

const f = { type: 'function', name: 'f', description: 'd', strict: true, parameters: { type: 'object' } };
const g = { type: 'custom', name: 'g', format: { type: 'grammar', syntax: 'lark', definition: 'start: "x"' } };
const space = { type: 'namespace', name: 'n', description: 'd', tools: [f, { ...g, format: { type: 'text' } }] };

const choiceOf = (tool_choice: unknown) => parse({ tools: [f, g], tool_choice }).tools;

describe('tools', () => {
  it('are functions, tools with a text as input, and those of namespaces', () => {
    const { tools, answer } = parse({ tools: [f, g, space], parallel_tool_calls: false });
    expect(tools).toMatchObject({
      choice: 'auto',
      parallel: false,
      tools: [
        { name: 'f', description: 'd', parameters: { type: 'object' }, param: 'tools[0]' },
        { name: 'g', parameters: { required: ['input'] }, param: 'tools[1]' },
        { name: 'n__f', param: 'tools[2].tools[0]' },
        { name: 'n__g', param: 'tools[2].tools[1]' },
      ],
    });
    expect(tools?.tools[1]?.description).toContain('start: "x"');
    expect([...answer.callForms]).toEqual([
      ['g', { name: 'g', namespace: undefined, isCustom: true }],
      ['n__f', { name: 'f', namespace: 'n', isCustom: false }],
      ['n__g', { name: 'g', namespace: 'n', isCustom: true }],
    ]);
  });

  it('that nothing here runs are left out, and not repeated', () => {
    const { tools, answer } = parse({
      tools: [{ type: 'web_search', search_context_size: 'low' }, f, { type: 'image_generation' }],
    });
    expect(tools?.tools.map(({ name }) => name)).toEqual(['f']);
    expect(answer.echo['tools']).toEqual([f]);
    expect(parse({ tools: [{ type: 'web_search' }] }).tools).toBe(undefined);
  });

  it('may be chosen', () => {
    expect(choiceOf('required')?.choice).toBe('required');
    expect(choiceOf({ type: 'function', name: 'f' })?.choice).toEqual({ name: 'f' });
    expect(choiceOf({ type: 'custom', name: 'g' })?.choice).toEqual({ name: 'g' });
    const allowed = choiceOf({ type: 'allowed_tools', mode: 'required', tools: [{ type: 'custom', name: 'g' }] });
    expect([allowed?.choice, allowed?.tools.map(({ name }) => name)]).toEqual(['required', ['g']]);
  });

  it.each<[string, object, string]>([
    ['a hosted one', { tools: [{ type: 'file_search' }] }, 'unsupported_parameter tools[0].type'],
    ['a shell', { tools: [{ type: 'local_shell' }] }, 'unsupported_parameter tools[0].type'],
    ['one without a type', { tools: [{ name: 'f' }] }, 'unsupported_parameter tools[0].type'],
    ["Chat Completions' form", { tools: [{ type: 'function', function: f }] }, 'invalid_request tools[0].function'],
    ['an unknown key', { tools: [{ ...f, extra: 1 }] }, 'invalid_request tools[0].extra'],
    ['two of a name', { tools: [f, f] }, 'invalid_request tools[1].name'],
    [
      'one of a namespace without a name',
      { tools: [{ ...space, tools: [{ type: 'custom' }] }] },
      'invalid_request tools[0].tools[0].name',
    ],
    [
      'a search that is required',
      { tools: [{ type: 'web_search' }], tool_choice: 'required' },
      'invalid_request tool_choice',
    ],
    [
      'a search that is chosen',
      { tools: [f], tool_choice: { type: 'web_search' } },
      'unsupported_parameter tool_choice.type',
    ],
    [
      'an unknown one that is chosen',
      { tools: [f], tool_choice: { type: 'custom', name: 'x' } },
      'invalid_request tool_choice.name',
    ],
  ])('are refused with %s', (_, fields, failure) => {
    expect(failureOf(fields)).toBe(failure);
  });
});

describe('a field', () => {
  const schema = { type: 'object', properties: {} };

  it.each<[object, object]>([
    [
      { max_output_tokens: 5, temperature: 0, top_k: 3 },
      { maxTokens: 5, sampling: { temperature: 0, topK: 3 } },
    ],
    [
      { text: { format: { type: 'json_schema', name: 'n', strict: true, schema } } },
      { format: { type: 'json-schema', schema, param: 'text.format.schema' } },
    ],
    [{ text: { format: { type: 'json_object' } } }, { format: { type: 'json-object' } }],
    [{ reasoning: { effort: 'none' } }, { template: { variables: { enable_thinking: false } } }],
    [{ reasoning: { effort: 'low', summary: 'auto' } }, { answer: { summarizesReasoning: true } }],
    [
      { include: ['message.output_text.logprobs'], top_logprobs: 2 },
      { logProbs: 2, answer: { hasLogProbs: true } },
    ],
    [{ include: ['message.output_text.logprobs'] }, { logProbs: 0 }],
    [{ include: ['reasoning.encrypted_content'] }, { logProbs: undefined, answer: { sealsReasoning: true } }],
    [
      { stream: true, return_progress: true },
      { stream: true, reportProgress: true },
    ],
  ])('has its effect: %j', (fields, effect) => {
    expect(parse(fields)).toMatchObject(effect);
  });

  it.each<[object]>([
    [{ text: { verbosity: 'medium', format: { type: 'text' } }, truncation: 'disabled', n: 1 }],
    [{ service_tier: 'auto', client_metadata: { a: 'b' }, stream_options: { include_obfuscation: false } }],
    [{ include: ['web_search_call.action.sources'], conversation: null, background: false, previous_response_id: '' }],
  ])('may ask for nothing new: %j', (fields) => {
    const { answer: _, ...plain } = parse({});
    expect(parse(fields)).toMatchObject({ ...plain, askedBy: {} });
  });

  it.each<[string, object, string]>([
    ['a conversation', { conversation: 'c' }, 'unsupported_parameter conversation'],
    ['a prompt', { prompt: { id: 'p' } }, 'unsupported_parameter prompt'],
    ['verbosity', { text: { verbosity: 'low' } }, 'unsupported_parameter text.verbosity'],
    ['a short summary', { reasoning: { summary: 'concise' } }, 'invalid_request reasoning.summary'],
    ['an unknown format', { text: { format: { type: 'xml' } } }, 'unsupported_parameter text.format.type'],
    ['something to include', { include: ['a'] }, 'invalid_request include[0]'],
    ['several answers', { n: 2 }, 'unsupported_parameter n'],
    ['an unknown field', { messages: [] }, 'invalid_request messages'],
    ['a response that is not there', { previous_response_id: 'r' }, 'previous_response_not_found previous_response_id'],
    ['work in the background that is not stored', { background: true }, 'invalid_request background'],
  ])('is refused: %s', (_, fields, failure) => {
    expect(failureOf(fields)).toBe(failure);
  });

  it('stands in the response again, as does whether it is stored', () => {
    const archive = { ...noArchive, hasRoomFor: () => true };
    const fields = {
      instructions: 'i',
      temperature: 0.5,
      metadata: { a: 'b' },
      reasoning: { effort: 'low' },
      text: { format: { type: 'json_object' } },
    };
    expect(parse(fields, archive).answer.echo).toMatchObject({
      ...fields,
      reasoning: { effort: 'low', summary: null },
      store: true,
      tool_choice: 'auto',
      parallel_tool_calls: true,
    });
    expect(parse({ ...fields, store: false }, archive).answer.echo['store']).toBe(false);
    expect(parse(fields).answer.echo['store']).toBe(false);
  });
});
