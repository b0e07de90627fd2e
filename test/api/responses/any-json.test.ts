import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LongText } from '../../../src/api/index.ts';
import { RESPONSE_FIELDS } from '../../../src/api/responses/fields.ts';
import { parseResponseRequest } from '../../../src/api/responses/index.ts';
import { VserveError } from '../../../src/errors/index.ts';
import { noArchive } from './support.ts';

/** JSON as the server reads it: a long string stands for itself. */
const json = fc.oneof(fc.jsonValue(), fc.constant(new LongText([Buffer.from('data:,x')])));
const text = fc.oneof(fc.constantFrom('a', 'f', '{}'), json);
const part = fc.record(
  {
    type: fc.oneof(fc.constantFrom('input_text', 'input_image', 'input_file', 'output_text', 'summary_text'), json),
    text,
    image_url: json,
    file_data: json,
  },
  { requiredKeys: [] },
);
const parts = fc.oneof(fc.array(fc.oneof(part, json)), text);
const itemTypes = [
  'message',
  'function_call',
  'custom_tool_call',
  'function_call_output',
  'custom_tool_call_output',
  'reasoning',
  'item_reference',
];
const item = fc.record(
  {
    type: fc.oneof(fc.constantFrom(...itemTypes), json),
    role: fc.oneof(fc.constantFrom('user', 'assistant', 'developer'), json),
    content: parts,
    summary: parts,
    encrypted_content: json,
    call_id: fc.oneof(fc.constantFrom('a', 'b'), json),
    name: text,
    namespace: text,
    arguments: text,
    input: text,
    output: parts,
  },
  { requiredKeys: [] },
);
const tool = fc.record(
  {
    type: fc.oneof(fc.constantFrom('function', 'custom', 'namespace', 'web_search'), json),
    name: text,
    description: text,
    parameters: json,
    format: fc.oneof(fc.record({ type: json, syntax: json, definition: json }, { requiredKeys: [] }), json),
    tools: fc.array(json),
  },
  { requiredKeys: [] },
);

/** A request, or a refusal that says what is wrong; never anything else. */
function readsOrRefuses(body: unknown): void {
  for (const allowExtraFields of [false, true]) {
    try {
      parseResponseRequest(body, { allowExtraFields }, noArchive);
    } catch (error) {
      if (!(error instanceof VserveError)) throw error;
      expect(error.message.length).toBeLessThan(1000);
    }
  }
}

describe('any JSON', () => {
  it('as the body, as a field, as items and as tools', () => {
    fc.assert(fc.property(json, readsOrRefuses));
    const names = fc.constantFrom(...RESPONSE_FIELDS.keys());
    fc.assert(fc.property(names, json, (name, value) => readsOrRefuses({ input: 'hello', [name]: value })));
    fc.assert(
      fc.property(fc.array(fc.oneof(item, json)), (input) => readsOrRefuses({ input })),
      { numRuns: 1000 },
    );
    fc.assert(fc.property(fc.array(fc.oneof(tool, json)), (tools) => readsOrRefuses({ input: 'hello', tools })));
  });

  it('nested a hundred thousand deep', () => {
    const deep: unknown = JSON.parse('['.repeat(1e5) + ']'.repeat(1e5));
    for (const name of RESPONSE_FIELDS.keys()) readsOrRefuses({ input: 'hello', [name]: deep });
    for (const type of itemTypes) {
      for (const key of ['content', 'summary', 'arguments', 'output', 'call_id', 'encrypted_content', 'id']) {
        readsOrRefuses({ input: [{ type, role: 'user', call_id: 'a', name: 'f', [key]: deep }] });
      }
    }
    for (const key of ['parameters', 'format', 'tools', 'output_schema']) {
      for (const type of ['function', 'custom', 'namespace']) {
        readsOrRefuses({ input: 'hello', tools: [{ type, name: 'f', [key]: deep }] });
      }
    }
  });
});

/** A request in which every object has known keys only, and nothing is refused. */
const whole = {
  input: [
    { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'a' }] },
    { type: 'message', role: 'user', content: [{ type: 'input_image', image_url: 'data:,b' }] },
    { type: 'message', role: 'user', content: [{ type: 'input_file', file_data: 'data:image/png;base64,iVBORw0K' }] },
    {
      type: 'reasoning',
      summary: [{ type: 'summary_text', text: 'b' }],
      content: [{ type: 'reasoning_text', text: 'c' }],
    },
    { type: 'function_call', call_id: 'a', name: 'f', arguments: '{}' },
    { type: 'custom_tool_call', call_id: 'b', name: 'g', input: 'x' },
    { type: 'function_call_output', call_id: 'a', output: [{ type: 'input_text', text: 'd' }] },
    { type: 'custom_tool_call_output', call_id: 'b', output: 'e' },
  ],
  tools: [
    { type: 'function', name: 'f', parameters: {} },
    { type: 'custom', name: 'g', format: { type: 'grammar', syntax: 'regex', definition: 'x' } },
    { type: 'namespace', name: 'n', tools: [{ type: 'function', name: 'f' }] },
  ],
  tool_choice: { type: 'allowed_tools', mode: 'auto', tools: [{ type: 'function', name: 'f' }] },
  text: { format: { type: 'json_schema', name: 'a', schema: {} } },
  reasoning: { effort: 'low' },
  stream_options: { include_obfuscation: false },
};

/** The path of each object within a value. */
function objectPaths(value: unknown, path: string): string[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => objectPaths(item, `${path}[${String(index)}]`));
  if (typeof value !== 'object' || value === null) return [];
  const inner = Object.entries(value).flatMap(([key, item]) => objectPaths(item, path === '' ? key : `${path}.${key}`));
  return [path, ...inner];
}

/** A copy of a request with one more key in the object at a path. */
function withKey(path: string, key: string): unknown {
  const copy = structuredClone(whole) as object;
  const steps = path.match(/[^.[\]]+/g) ?? [];
  const target = steps.reduce<object>((object, step) => (object as Record<string, object>)[step] ?? {}, copy);
  Object.defineProperty(target, key, { value: 1, enumerable: true });
  return copy;
}

it('an unknown key is not dropped, wherever it stands', () => {
  // A schema may have any keys.
  const places = objectPaths(whole, '').filter((path) => !/\.(schema|parameters)$/.test(path));
  expect(places.length).toBeGreaterThan(25);
  expect(() => parseResponseRequest(whole, { allowExtraFields: false }, noArchive)).not.toThrow();
  for (const place of places) {
    for (const key of ['extra', '__proto__']) {
      const read = () => parseResponseRequest(withKey(place, key), { allowExtraFields: false }, noArchive);
      const param = place === '' ? key : `${place}.${key}`;
      expect(read).toThrow(expect.objectContaining({ code: 'invalid_request', param }) as Error);
    }
    expect(() => parseResponseRequest(withKey(place, 'extra'), { allowExtraFields: true }, noArchive)).not.toThrow();
  }
});
