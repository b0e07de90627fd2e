import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CHAT_FIELDS } from '../../../src/api/chat/fields.ts';
import { parseChatRequest } from '../../../src/api/chat/index.ts';
import { LongText } from '../../../src/api/index.ts';
import { VserveError } from '../../../src/errors/index.ts';
import { hello } from './support.ts';

const names = [...CHAT_FIELDS.keys()];
const field = fc.oneof(fc.constantFrom(...names), fc.string());
const groups = [
  'stream_options',
  'reasoning',
  'thinking',
  'options',
  'chat_template_kwargs',
  'mm_processor_kwargs',
  'structured_outputs',
  'repetition_detection',
  'vllm_xargs',
  'response_format',
  'tool_choice',
];

/** JSON as the server reads it: a long string stands for itself. */
const json = fc.oneof(fc.jsonValue(), fc.constant(new LongText([Buffer.from('data:,x')])));
const keys = (...known: readonly string[]) =>
  fc.record(Object.fromEntries(known.map((key) => [key, json])), { requiredKeys: [] });

const role = fc.oneof(fc.constantFrom('system', 'developer', 'user', 'assistant', 'tool', 'function'), json);
const type = fc.oneof(
  fc.constantFrom('text', 'input_text', 'output_text', 'refusal', 'image_url', 'input_image', 'image'),
  json,
);
const url = fc.oneof(keys('url', 'detail', 'uuid'), keys('type', 'data', 'url'), json);
const part = fc.record(
  { type, text: json, refusal: json, image_url: url, image: url, source: url, detail: json, base64: json, data: json },
  { requiredKeys: [] },
);
const content = fc.oneof(fc.array(fc.oneof(part, json)), json);
const called = fc.oneof(keys('name', 'arguments'), fc.record({ name: fc.constant('f'), arguments: json }), json);
const call = fc.oneof(fc.record({ id: json, type: json, function: called }, { requiredKeys: [] }), json);
const message = fc.record(
  {
    role,
    content,
    tool_calls: fc.oneof(fc.array(call), json),
    tool_call_id: json,
    function_call: called,
    name: json,
    images: fc.oneof(fc.array(json), json),
    reasoning: json,
    refusal: json,
  },
  { requiredKeys: [] },
);
const messages = fc.array(fc.oneof(message, json));

const jsonType = fc.oneof(fc.constantFrom('object', 'array', 'string', 'hiccup'), json);
const schema = fc.oneof(fc.record({ type: jsonType, properties: json, $ref: json }, { requiredKeys: [] }), json);
const name = fc.oneof(fc.constantFrom('f', 'g.h', 'a b'), json);
const toolFunction = fc.oneof(
  fc.record({ name, description: json, parameters: schema, strict: json }, { requiredKeys: [] }),
  json,
);
const tool = fc.oneof(
  fc.record({ type: fc.oneof(fc.constant('function'), json), function: toolFunction }, { requiredKeys: ['function'] }),
  json,
);
const toolChoice = fc.oneof(
  fc.constantFrom('none', 'auto', 'required'),
  fc.record(
    {
      type: fc.oneof(fc.constantFrom('function', 'allowed_tools'), json),
      function: fc.oneof(fc.record({ name }), json),
      allowed_tools: fc.oneof(fc.record({ mode: json, tools: fc.array(tool) }, { requiredKeys: [] }), json),
      tools: fc.oneof(fc.array(tool), json),
    },
    { requiredKeys: [] },
  ),
  json,
);
const format = fc.oneof(
  fc.record(
    {
      type: fc.oneof(fc.constantFrom('text', 'json_object', 'json_schema', 'json', 'regex', 'grammar'), json),
      json_schema: fc.oneof(fc.record({ name: json, strict: json, schema }, { requiredKeys: [] }), json),
      schema,
      value: schema,
      pattern: json,
      grammar: json,
    },
    { requiredKeys: [] },
  ),
  json,
);
const number = fc.oneof(fc.integer({ min: -2, max: 25 }), fc.double(), json);
const bias = fc.oneof(
  fc.dictionary(fc.oneof(fc.nat().map(String), fc.string()), number),
  fc.array(fc.tuple(number, number)),
  json,
);
/** Fields with values that are nearly right, so that they get far. */
const asked = fc.record(
  {
    tools: fc.oneof(fc.array(tool), json),
    functions: fc.oneof(fc.array(toolFunction), json),
    tool_choice: toolChoice,
    function_call: fc.oneof(fc.record({ name }), fc.constantFrom('none', 'auto'), json),
    parallel_tool_calls: fc.oneof(fc.boolean(), json),
    response_format: format,
    structured_outputs: fc.record({ json: schema, regex: json, choice: json, grammar: json }, { requiredKeys: [] }),
    guided_json: schema,
    format: fc.oneof(fc.constant('json'), schema),
    logprobs: fc.oneof(fc.boolean(), json),
    top_logprobs: number,
    n: number,
    logit_bias: bias,
    min_tokens: number,
    max_tokens: number,
    stop_token_ids: fc.oneof(fc.array(number), json),
    repetition_detection: fc.record(
      { max_pattern_size: number, min_pattern_size: number, min_count: number },
      { requiredKeys: [] },
    ),
    reasoning: fc.record({ max_tokens: number, exclude: json, effort: json, enabled: json }, { requiredKeys: [] }),
    reasoning_format: fc.oneof(fc.constantFrom('none', 'auto', 'hidden'), json),
    dry_sequence_breakers: fc.oneof(fc.array(fc.string()), json),
    samplers: fc.oneof(fc.string(), fc.array(fc.constantFrom('dry', 'top_k', 'xtc', 'no')), json),
  },
  { requiredKeys: [] },
);

/** A request, or a refusal that says what is wrong; never anything else. */
function readsOrRefuses(body: unknown): void {
  for (const allowExtraFields of [false, true]) {
    try {
      parseChatRequest(body, { allowExtraFields });
    } catch (error) {
      if (!(error instanceof VserveError)) throw error;
      expect(error.message.length).toBeLessThan(1000);
    }
  }
}

describe('any JSON', () => {
  it('as the body', () => {
    fc.assert(fc.property(json, readsOrRefuses));
  });

  it('as a field', () => {
    fc.assert(
      fc.property(field, json, (name, value) => readsOrRefuses({ messages: hello, [name]: value })),
      { numRuns: 2000 },
    );
  });

  it('as a field of a field', () => {
    fc.assert(
      fc.property(fc.constantFrom(...groups), fc.dictionary(field, json), (name, value) =>
        readsOrRefuses({ messages: hello, [name]: value }),
      ),
    );
  });

  it('as fields together', () => {
    fc.assert(fc.property(fc.dictionary(field, json), (fields) => readsOrRefuses({ messages: hello, ...fields })));
  });

  it('as what a model is asked for', () => {
    fc.assert(
      fc.property(asked, (fields) => readsOrRefuses({ messages: hello, ...fields })),
      { numRuns: 2000 },
    );
  });

  it('as messages', () => {
    fc.assert(
      fc.property(messages, (messages) => readsOrRefuses({ messages })),
      { numRuns: 1000 },
    );
  });

  it('nested a million deep, as a field', () => {
    const deep: unknown = JSON.parse('['.repeat(1e6) + ']'.repeat(1e6));
    for (const name of names) {
      readsOrRefuses({ messages: hello, [name]: deep });
      readsOrRefuses({ messages: hello, [name]: { type: deep } });
    }
  });

  it('nested a million deep, as content', () => {
    const deep: unknown = JSON.parse('{"":'.repeat(1e6) + '1' + '}'.repeat(1e6));
    readsOrRefuses(deep);
    const inMessages = [
      'role',
      'content',
      'name',
      'tool_calls',
      'tool_call_id',
      'function_call',
      'images',
      'reasoning',
    ];
    for (const key of inMessages) {
      readsOrRefuses({ messages: [{ ...hello[0], [key]: deep }] });
      readsOrRefuses({ messages: [{ ...hello[0], role: 'assistant', [key]: [deep] }] });
    }
    readsOrRefuses({ messages: [{ role: 'user', content: [deep] }] });
    for (const key of ['image_url', 'image', 'source', 'detail', 'text']) {
      readsOrRefuses({ messages: [{ role: 'user', content: [{ type: 'image_url', [key]: deep }] }] });
    }
    const calls = [{ id: 'a', function: { name: 'f', arguments: deep } }];
    readsOrRefuses({ messages: [{ role: 'assistant', tool_calls: calls }] });
  });
});

/** A request in which every object has known keys only, and nothing is refused. */
const whole = {
  messages: [
    { role: 'system', content: [{ type: 'text', text: 's' }] },
    {
      role: 'user',
      images: ['iVBORw0K'],
      content: [
        { type: 'image_url', image_url: { url: 'data:,a' } },
        { type: 'input_image', image_url: 'data:,b' },
        { type: 'image', source: { type: 'base64', data: 'iVBORw0K' } },
        { type: 'refusal', refusal: 'no' },
      ],
    },
    { role: 'assistant', tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } }] },
    { role: 'tool', tool_call_id: 'a', content: [{ type: 'output_text', text: 'b' }] },
    { role: 'assistant', content: null, function_call: { name: 'f', arguments: '{}' } },
    { role: 'function', name: 'f', content: 'c' },
  ],
  tools: [{ type: 'function', function: { name: 'f' } }],
  tool_choice: {
    type: 'allowed_tools',
    allowed_tools: { mode: 'auto', tools: [{ type: 'function', function: { name: 'f' } }] },
  },
  response_format: { type: 'json_schema', json_schema: { name: 'a', schema: {} } },
  repetition_detection: { max_pattern_size: 2, min_count: 2 },
  stream_options: { include_usage: true },
  options: { temperature: 0 },
  reasoning: { enabled: false },
  thinking: { type: 'disabled' },
};

/** The path of each object within a value. */
function objectPaths(value: unknown, path: string): string[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => objectPaths(item, `${path}[${String(index)}]`));
  if (typeof value !== 'object' || value === null) return [];
  const inner = Object.entries(value).flatMap(([key, item]) => objectPaths(item, path === '' ? key : `${path}.${key}`));
  return [path, ...inner];
}

/** A copy of a request with one more key in the object at a path. */
function withKey(path: string, key: string, value: unknown): unknown {
  const copy = structuredClone(whole) as object;
  const steps = path.match(/[^.[\]]+/g) ?? [];
  const target = steps.reduce<object>((object, step) => (object as Record<string, object>)[step] ?? {}, copy);
  Object.defineProperty(target, key, { value, enumerable: true });
  return copy;
}

describe('an unknown key', () => {
  // A schema may have any keys.
  const places = objectPaths(whole, '').filter((path) => !path.endsWith('.schema'));

  it('is not dropped, wherever it stands', () => {
    expect(places.length).toBeGreaterThan(20);
    expect(() => parseChatRequest(whole, { allowExtraFields: false })).not.toThrow();
    const key = fc.string({ minLength: 1, maxLength: 40 }).map((name) => `?${name}`);
    fc.assert(
      fc.property(fc.constantFrom(...places), key, fc.jsonValue(), (place, name, value) => {
        const body = withKey(place, name, value);
        const path = place === '' ? name : `${place}.${name}`;
        const read = (allowExtraFields: boolean) => () => parseChatRequest(body, { allowExtraFields });
        expect(read(true)).not.toThrow();
        if (value === null) expect(read(false)).not.toThrow();
        else expect(read(false)).toThrow(expect.objectContaining({ code: 'invalid_request', param: path }) as Error);
      }),
      { numRuns: 1000 },
    );
  });

  it.each(['__proto__', 'constructor', 'toString'])('may be %s', (name) => {
    for (const place of places) {
      const read = () => parseChatRequest(withKey(place, name, { a: 1 }), { allowExtraFields: false });
      const param = place === '' ? name : `${place}.${name}`;
      expect(read).toThrow(expect.objectContaining({ code: 'invalid_request', param }) as Error);
    }
  });
});
