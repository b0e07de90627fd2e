import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { grammarSource } from '../../../backends/node-llama-cpp/schema/answer-source.ts';
import type { JsonValue } from '../../../src/backend/index.ts';
import { expectExamples } from '../../engine/schemas/expect-examples.ts';
import type { Allowed, Example } from '../../engine/schemas/expect-examples.ts';
import { grammarMatcher, ofSchema } from '../../engine/schemas/grammar-matcher.ts';
import { ifThen } from '../../engine/schemas/if-then.ts';

let allowed: Allowed;
beforeAll(async () => {
  ({ allowed } = await grammarMatcher());
});

const examples = (given: readonly Example[]): void => expectExamples(() => allowed, given);

const text = { type: 'string' };
const anyA = { type: 'object', properties: { a: text }, additionalProperties: false };

describe('not', () => {
  examples([
    ['a type', { not: { type: ['string', 'number'] } }, ['true', 'null', '[1]'], ['"a"', '1']],
    [
      'a property that is there',
      { type: 'object', properties: { a: text, b: text }, not: { required: ['a'] } },
      ['{}', '{"b": "x"}'],
      ['{"a": "x"}', '{"a": "x", "b": "x"}'],
    ],
    [
      'two properties at a time',
      { type: 'object', properties: { a: text, b: text }, not: { required: ['a', 'b'] } },
      ['{}', '{"a": "x"}', '{"b": "x"}'],
      ['{"a": "x", "b": "x"}'],
    ],
    [
      'one of some texts',
      { type: 'string', maxLength: 4, not: { enum: ['', 'a.c', '(x|'] } },
      ['"abc"', '"a.cd"', '"(x"'],
      ['""', '"a.c"', '"(x|"'],
    ],
    ['a number', { type: 'integer', not: { const: 0 } }, ['1', '-1', '17'], ['0']],
    ['one of the values of an enum', { enum: ['a', 'b', 1, null], not: { enum: ['b', null] } }, ['"a"', '1'], ['"b"']],
    ['a flag', { type: 'boolean', not: { const: true } }, ['false'], ['true']],
    ['a pattern', { type: 'string', not: { pattern: '^a|z$' } }, ['""', '"bab"', '"za"'], ['"a"', '"ab"', '"bz"']],
    ['a length', { type: 'string', not: { minLength: 3 } }, ['""', '"ab"'], ['"abc"']],
    ['a range', { type: 'integer', not: { minimum: 5, maximum: 9 } }, ['4', '10', '-7'], ['5', '9']],
    ['something else than null', { not: { not: { type: 'null' } } }, ['null'], ['1', '{}']],
    [
      'what stands behind a reference',
      { type: 'string', not: { $ref: '#/$defs/no' }, $defs: { no: { anyOf: [{ const: 'x' }, { minLength: 2 }] } } },
      ['""', '"y"'],
      ['"x"', '"yy"'],
    ],
  ]);

  it('anything is how libraries write that nothing is allowed', () => {
    const never = { not: {} };
    const schema = { type: 'object', properties: { a: text, gone: never }, additionalProperties: never };
    expect(allowed(ofSchema(schema), ['{"a": "x"}', '{}', '{"gone": 1}', '{"other": 1}'])).toEqual([
      '{"a": "x"}',
      '{}',
    ]);
    const ofZod = z.toJSONSchema(z.object({ a: z.string(), gone: z.never().optional() })) as JsonValue;
    expect(allowed(ofSchema(ofZod), ['{"a": "x"}', '{"a": "x", "gone": 1}'])).toEqual(['{"a": "x"}']);
  });
});

const address = {
  type: 'object',
  properties: { country: { enum: ['US', 'CA', 'FR'] }, code: { type: 'string' } },
  required: ['country', 'code'],
  additionalProperties: false,
};
const isCountry = (country: string): JsonValue => ({ properties: { country: { const: country } } });
const hasCode = (pattern: string): JsonValue => ({ properties: { code: { pattern } } });
const codes = (...places: readonly (readonly [string, string])[]): string[] =>
  places.map(([country, code]) => `{"country": "${country}", "code": "${code}"}`);

describe('a condition', () => {
  examples([
    [
      'decides what else holds',
      { ...address, ...ifThen(isCountry('US'), hasCode('^\\d{5}$'), hasCode('^[A-Z]\\d[A-Z]$')) },
      codes(['US', '12345'], ['CA', 'K1M'], ['FR', 'K1M']),
      codes(['US', 'K1M'], ['CA', '12345']),
    ],
    [
      'may be one of several',
      {
        ...address,
        allOf: [ifThen(isCountry('US'), hasCode('^\\d{5}$')), ifThen(isCountry('CA'), hasCode('^[A-Z]\\d[A-Z]$'))],
      },
      codes(['US', '12345'], ['CA', 'K1M'], ['FR', 'anything']),
      codes(['US', 'K1M'], ['CA', '12345']),
    ],
    [
      'asks for a property',
      {
        type: 'object',
        properties: { action: { enum: ['read', 'write'] }, content: text },
        required: ['action'],
        additionalProperties: false,
        ...ifThen(
          { properties: { action: { const: 'write' } }, required: ['action'] },
          { required: ['content'] },
          { not: { required: ['content'] } },
        ),
      },
      ['{"action": "read"}', '{"action": "write", "content": "x"}'],
      ['{"action": "write"}', '{"action": "read", "content": "x"}'],
    ],
    ['without a consequence is none', { type: 'integer', if: { minimum: 5 } }, ['3', '7'], ['"a"']],
  ]);
});

it('many conditions on one property are as many alternatives', () => {
  const kinds = Array.from({ length: 11 }, (_, i) => `kind ${i}`);
  const schema = {
    type: 'object',
    properties: { kind: { enum: kinds }, ...Object.fromEntries(kinds.map((kind) => [`of ${kind}`, text])) },
    required: ['kind'],
    additionalProperties: false,
    allOf: kinds.map((kind) =>
      ifThen({ properties: { kind: { const: kind } }, required: ['kind'] }, { required: [`of ${kind}`] }),
    ),
  };
  const valid = ['{"kind": "kind 0", "of kind 0": "x"}', '{"kind": "kind 10", "of kind 10": "x", "of kind 3": "x"}'];
  const invalid = ['{"kind": "kind 0"}', '{"kind": "kind 10", "of kind 0": "x"}'];
  expect(allowed(ofSchema(schema), [...valid, ...invalid])).toEqual(valid);
  const source = grammarSource(ofSchema(schema));
  expect((JSON.parse(source?.schema ?? '{}') as { anyOf: unknown[] }).anyOf).toHaveLength(kinds.length);
});

describe('a dependency', () => {
  const card = {
    type: 'object',
    properties: { name: text, card: text, address: text },
    required: ['name'],
    additionalProperties: false,
  };
  const paid = ['{"name": "x"}', '{"name": "x", "card": "1", "address": "y"}', '{"name": "x", "address": "y"}'];
  const unpaid = ['{"name": "x", "card": "1"}'];
  examples([
    ['is a property that another one needs', { ...card, dependentRequired: { card: ['address'] } }, paid, unpaid],
    ['is written so in older drafts', { ...card, dependencies: { card: ['address'] } }, paid, unpaid],
    [
      'is what else holds beside a property',
      { ...card, dependentSchemas: { card: { properties: { address: { minLength: 3 } } } } },
      ['{"name": "x", "address": "y"}', '{"name": "x", "card": "1", "address": "yyy"}', '{"name": "x", "card": "1"}'],
      ['{"name": "x", "card": "1", "address": "y"}'],
    ],
  ]);
});

describe('what several schemas say of a value', () => {
  examples([
    [
      'may be two patterns',
      { allOf: [{ type: 'string', pattern: '^[a-c]+' }, { pattern: '\\d$' }], maxLength: 5 },
      ['"a1"', '"abcx9"'],
      ['"1"', '"abc"', '"x1"', '"aaaaa1"'],
    ],
    [
      'may be alternatives of each',
      {
        allOf: [
          { anyOf: [{ type: 'integer' }, { type: 'string' }] },
          { anyOf: [{ minimum: 5, type: 'number' }, { type: 'string', maxLength: 1 }, { type: 'null' }] },
        ],
      },
      ['5', '"a"'],
      ['4', '"ab"', 'null'],
    ],
    [
      'leaves out alternatives that cannot be',
      {
        type: 'object',
        properties: { a: text },
        required: ['a'],
        anyOf: [{ required: ['a'] }, { properties: { a: false } }],
      },
      ['{"a": "x"}'],
      ['{}'],
    ],
    [
      'narrows an enum',
      { enum: ['a', 'abc', 'Abc', 7, 12], minLength: 2, pattern: '^[a-z]', maximum: 10 },
      ['"abc"', '7'],
      ['"a"', '"Abc"', '12'],
    ],
  ]);
});

describe('exactly one of some schemas', () => {
  examples([
    [
      'may be properties, of which one has to be there',
      {
        type: 'object',
        properties: { path: text, url: text },
        additionalProperties: false,
        oneOf: [{ required: ['path'] }, { required: ['url'] }],
      },
      ['{"path": "x"}', '{"url": "x"}'],
      ['{}', '{"path": "x", "url": "x"}'],
    ],
    [
      'may be texts that overlap',
      { type: 'string', maxLength: 3, oneOf: [{ pattern: '^a' }, { pattern: 'b$' }] },
      ['"a"', '"xb"'],
      ['"ab"', '"x"'],
    ],
  ]);
});

describe('a schema that is still refused', () => {
  it.each<[string, JsonValue, string]>([
    ['not a list of some items', { not: { items: text } }, 'schema.not.items'],
    ['a whole number', { type: 'number', not: { type: 'integer' } }, 'schema.not.type'],
    ['everything', { type: 'string', not: {} }, 'schema'],
    [
      'a value that is not itself',
      { properties: { a: { const: 1, not: { const: 1 } } }, required: ['a'] },
      'schema.properties.a',
    ],
    ['a condition on items', ifThen({ uniqueItems: true }, anyA), 'schema.if.uniqueItems'],
    ['a negation that negates itself', { $ref: '#/$defs/a', $defs: { a: { not: { $ref: '#/$defs/a' } } } }, 'schema'],
  ])('for %s, with the place', (_, schema, param) => {
    expect(() => grammarSource(ofSchema(schema))).toThrow(
      expect.objectContaining({ code: 'invalid_request', param: expect.stringContaining(param) as string }),
    );
  });
});
