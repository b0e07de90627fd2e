import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseChatRequest } from '../../../src/api/chat/index.ts';
import { VserveError } from '../../../src/errors/index.ts';
import { asked, field, groups, json, messages, names } from './any-request.ts';
import { hello } from './support.ts';

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
