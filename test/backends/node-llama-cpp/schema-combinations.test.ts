import { Ajv2020 } from 'ajv/dist/2020.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { combinedSchema, smallValue } from '../../engine/schemas/combined-schemas.ts';
import { expectExamples } from '../../engine/schemas/expect-examples.ts';
import type { Allowed, Example } from '../../engine/schemas/expect-examples.ts';
import { grammarMatcher, ofSchema } from '../../engine/schemas/grammar-matcher.ts';
import { writings } from '../../engine/schemas/writings.ts';
import { Choices } from '../../engine/storm/choices.ts';
import { isCodedError } from '../../../src/errors/index.ts';

let allowed: Allowed;
beforeAll(async () => {
  ({ allowed } = await grammarMatcher());
});

const examples = (given: readonly Example[]): void => expectExamples(() => allowed, given);

describe('whatever keywords stand together', () => {
  const ajv = new Ajv2020({ strict: false, logger: false });

  it.each([1, 2, 3, 4])('a grammar matches values only that are valid: %d', (first) => {
    let matched = 0;
    for (let seed = 100 * first; seed < 100 * first + 100; seed++) {
      const choices = new Choices('combined', seed);
      const schema = combinedSchema(choices);
      const isValid = ajv.compile(schema);
      const texts = Array.from({ length: 100 }, () => smallValue(choices)).flatMap((value) => writings(value));
      const found = orRefused(() => allowed(ofSchema(schema), texts));
      matched += found.length;
      const wrong = found.find((text) => !isValid(JSON.parse(text)));
      expect(wrong, `seed ${seed}: ${JSON.stringify(schema)}`).toBeUndefined();
    }
    expect(matched).toBeGreaterThan(100);
  });
});

function orRefused(match: () => string[]): string[] {
  try {
    return match();
  } catch (error) {
    if (isCodedError(error) && error.code === 'invalid_request') return [];
    throw error;
  }
}

describe('properties that must not be there', () => {
  examples([
    [
      'are not among others',
      { properties: { a: false, b: { type: 'null' } }, additionalProperties: true },
      ['{"b": null, "c": 1}', '{"ab": 1}'],
      ['{"a": 1}', '{"c": 1, "a": 2}'],
    ],
    ['are so beside no named ones', { type: 'object', properties: { a: false } }, ['{}', '{"b": 1}'], ['{"a": 1}']],
    [
      'are so where they are counted',
      { properties: { a: false }, minProperties: 1 },
      ['{"b": 1}', '{"b": 1, "c": 2}'],
      ['{}', '{"a": 1}'],
    ],
    [
      'may be those of a pattern that another schema rules out',
      { allOf: [{ patternProperties: { '^x': { type: 'null' } } }, { additionalProperties: false }] },
      ['{}'],
      ['{"x": null}'],
    ],
  ]);
});

const base = { type: 'object', properties: { id: { type: 'integer' } }, required: ['id'] };
const named = { properties: { name: { type: 'null' } } };

describe('what no schema has seen', () => {
  examples([
    [
      'may not be there, behind a $ref and an allOf',
      { $ref: '#/$defs/base', allOf: [named], unevaluatedProperties: false, $defs: { base } },
      ['{"id": 1}', '{"id": 1, "name": null}'],
      ['{"id": 1, "x": 1}', '{"name": null}'],
    ],
    [
      'is of a schema',
      { allOf: [base], unevaluatedProperties: { type: 'string' } },
      ['{"id": 1}', '{"id": 1, "x": "y"}'],
      ['{"id": 1, "x": 1}', '{"id": "y"}'],
    ],
    [
      'may be seen by an alternative',
      { ...base, anyOf: [named, { properties: { x: { type: 'boolean' } } }], unevaluatedProperties: false },
      ['{"id": 1, "name": null}', '{"id": 1, "x": true}', '{"id": 1}'],
      ['{"id": 1, "y": 1}'],
    ],
    [
      'is told by a part of its own only',
      { allOf: [{ ...named, unevaluatedProperties: false }, { properties: { x: {} } }] },
      ['{"name": null}', '{}'],
      ['{"x": 1}', '{"name": null, "x": 1}'],
    ],
    [
      'is no required property either',
      { properties: { a: { type: 'null' } }, unevaluatedProperties: { type: 'boolean' }, required: ['b'] },
      ['{"b": true, "a": null}', '{"b": true}'],
      ['{"b": 1}', '{"a": null}'],
    ],
    [
      'may be no item of a list',
      { type: 'array', prefixItems: [{ type: 'null' }], unevaluatedItems: false },
      ['[null]'],
      ['[null, 1]', '[1]'],
    ],
  ]);

  it.each([
    [
      'a part that would have to look past itself',
      { allOf: [{ allOf: [named], unevaluatedProperties: false }, { properties: { x: {} } }] },
      'schema.allOf[0].unevaluatedProperties',
    ],
    [
      'a property that a condition names alone',
      { not: { properties: { a: { const: 1 } }, required: ['a'] }, unevaluatedProperties: false },
      'schema.unevaluatedProperties',
    ],
  ])('is refused of %s', (_, schema, param) => {
    expect(() => allowed(ofSchema(schema), [])).toThrow(expect.objectContaining({ code: 'invalid_request', param }));
  });
});

describe('a list that contains something', () => {
  const flags = { type: 'array', items: { enum: ['x', 'y'] }, maxItems: 3 };
  examples([
    [
      'has it anywhere',
      { ...flags, contains: { const: 'x' } },
      ['["x"]', '["y", "x"]', '["x", "y", "x"]', '["y", "y", "x"]'],
      ['[]', '["y"]', '["y", "y", "y"]', '["y", "y", "y", "x"]'],
    ],
    [
      'has it so often',
      { ...flags, contains: { const: 'x' }, minContains: 2, maxContains: 2 },
      ['["x", "x"]', '["x", "y", "x"]'],
      ['["x"]', '["x", "x", "x"]', '["x", "y"]'],
    ],
    [
      'may have none of it',
      { ...flags, contains: { const: 'x' }, minContains: 0, maxContains: 1 },
      ['[]', '["y", "y"]', '["y", "x"]'],
      ['["x", "x"]'],
    ],
    [
      'may be bounded by nothing where it has to have none',
      { ...flags, contains: { const: 'z' }, minContains: 0 },
      ['[]', '["y", "x"]'],
      ['["z"]'],
    ],
    [
      'has it among objects',
      {
        type: 'array',
        maxItems: 2,
        items: { type: 'object', properties: { kind: { enum: ['a', 'b'] } }, required: ['kind'] },
        contains: { properties: { kind: { const: 'b' } } },
      },
      ['[{"kind": "a"}, {"kind": "b"}]', '[{"kind": "b"}]'],
      ['[{"kind": "a"}]', '[]'],
    ],
    [
      'may have its first items told one by one',
      {
        type: 'array',
        prefixItems: [{ type: 'null' }],
        items: { type: 'integer' },
        contains: { type: 'integer', minimum: 5 },
        maxItems: 2,
      },
      ['[null, 7]'],
      ['[null]', '[null, 3]', '[7]'],
    ],
  ]);
});

describe('two schemas that both hold', () => {
  examples([
    [
      'have the multiples of both',
      { allOf: [{ multipleOf: 4 }, { multipleOf: 6 }] },
      ['12', '-24', '0'],
      ['4', '6', '18'],
    ],
    [
      'of them with decimals',
      { type: 'number', multipleOf: 0.5, allOf: [{ multipleOf: 0.2 }] },
      ['1', '2', '-3'],
      ['0.5', '0.2', '1.5'],
    ],
    [
      'say of the first items what they say of all',
      {
        type: 'array',
        minItems: 2,
        maxItems: 2,
        allOf: [{ prefixItems: [{ type: 'integer' }] }, { items: { type: 'number', minimum: 5 } }],
      },
      ['[7, 6]'],
      ['[1, 6]', '[7, 1]', '[5.5, 6]'],
    ],
    [
      'make one text of a format and a pattern',
      { type: 'string', format: 'date', pattern: '^20' },
      ['"2024-02-29"'],
      ['"2023-02-29"', '"1999-01-01"', '"20"'],
    ],
    [
      'and of a format and a length',
      { type: 'string', format: 'date-time', maxLength: 20 },
      ['"2024-02-29T10:00:00Z"'],
      ['"2024-02-29T10:00:00.5Z"', '"2024-02-29"'],
    ],
    [
      'keep a format of addresses beside a pattern',
      { type: 'string', format: 'uri', pattern: '^https://' },
      ['"https://a.example/b"'],
      ['"https://a b"', '"http://a.example"'],
    ],
    [
      'of a oneOf may be without a type',
      { oneOf: [{ type: 'string' }, { properties: { a: { type: 'null' } }, required: ['a'] }] },
      ['{"a": null}'],
      ['"x"'],
    ],
    [
      'are seen to where values are listed',
      { enum: [1, 2, 3, 4, 'x', { a: 1 }], multipleOf: 2, required: ['b'] },
      ['2', '4', '"x"'],
      ['1', '3', '{"a":1}'],
    ],
  ]);
});
