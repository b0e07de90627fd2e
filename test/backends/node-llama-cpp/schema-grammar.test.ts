import { beforeAll, describe, expect, it } from 'vitest';
import { grammarSource } from '../../../backends/node-llama-cpp/schema/answer-source.ts';
import type { AnswerFormat, JsonValue } from '../../../src/backend/index.ts';
import { VserveError } from '../../../src/errors/index.ts';
import { grammarMatcher, type Match, ofSchema } from '../../engine/schemas/grammar-matcher.ts';

let match: Match;
let allowed: (format: AnswerFormat, texts: readonly string[]) => string[];
beforeAll(async () => {
  ({ match, allowed } = await grammarMatcher());
});

const numbers = [...Array.from({ length: 481 }, (_, i) => String((i - 240) / 20)), '-0', '1e3', '007', '1.', '.5'];

describe('a range of numbers', () => {
  const bounds = [-11.75, -10, -1.05, -1, -0.5, 0, 0.07, 0.5, 1, 9.99, 10, 11];
  it('has the numbers between the bounds, and no others', () => {
    for (const [i, minimum] of bounds.entries()) {
      for (const maximum of bounds.slice(i + 1)) {
        const inside = numbers.filter(
          (text) =>
            /^-?\d+(\.\d+)?$/.test(text) &&
            text !== '-0' &&
            text !== '007' &&
            Number(text) >= minimum &&
            Number(text) <= maximum,
        );
        expect(allowed(ofSchema({ type: 'number', minimum, maximum }), numbers)).toEqual(inside);
      }
    }
  });

  it('has its bounds, unless they are exclusive', () => {
    expect(
      allowed(ofSchema({ type: 'number', exclusiveMinimum: 1.5, exclusiveMaximum: 2 }), [
        '1.5',
        '1.50',
        '1.51',
        '1.99',
        '2',
        '2.0',
      ]),
    ).toEqual(['1.51', '1.99']);
    expect(
      allowed(ofSchema({ type: 'integer', exclusiveMinimum: 1.5, exclusiveMaximum: 4 }), ['1', '2', '3', '4']),
    ).toEqual(['2', '3']);
    expect(
      allowed(ofSchema({ type: 'integer', minimum: -12, maximum: 105 }), [
        '-13',
        '-12',
        '-1',
        '0',
        '-0',
        '99',
        '105',
        '106',
        '1050',
      ]),
    ).toEqual(['-12', '-1', '0', '99', '105']);
    expect(allowed(ofSchema({ type: 'number', multipleOf: 0.01 }), ['1', '1.5', '1.55', '1.555', '-0.01'])).toEqual([
      '1',
      '1.5',
      '1.55',
      '-0.01',
    ]);
  });
});

describe('a pattern', () => {
  it.each<[string, readonly string[], readonly string[]]>([
    ['^\\d{2}-[a-c]+$', ['12-abc'], ['1-a', '12-d', 'x12-a']],
    ['b', ['b', 'abc'], ['', 'ac']],
    ['^a|b$', ['ax', 'xb', 'ab'], ['xa', 'bx']],
    ['^"\\\\$', ['"\\'], ['"']],
    ['^[^a]$', ['"', '\n', 'é', '😀'], ['a', 'bb']],
    ['^(?:x|yz){2}$', ['xx', 'xyz', 'yzyz'], ['x', 'xxx']],
    ['^\\u00e9\\.$', ['é.'], ['éx']],
  ])('%s is found in what it should be', (pattern, found, missing) => {
    const texts = [...found, ...missing].map((text) => JSON.stringify(text));
    expect(allowed(ofSchema({ type: 'string', pattern }), texts)).toEqual(texts.slice(0, found.length));
  });

  it('matches all of a text that is to be that', () => {
    expect(allowed({ type: 'regex', pattern: '[a-z]+\\n?|\\d' }, ['abc', 'abc\n', '7', 'a7', ''])).toEqual([
      'abc',
      'abc\n',
      '7',
    ]);
  });
});

describe('JSON', () => {
  it('is written in one way', () => {
    const format = ofSchema({
      type: 'object',
      properties: { a: { type: 'array', items: { type: 'integer' } }, b: {} },
      required: ['a', 'b'],
    });
    expect(
      allowed(format, [
        '{"a": [1, 2], "b": {"c": null}}',
        '{"a":[1,2],"b":{}}',
        '{ "a": [], "b": 1 }',
        '{"a": [], "b": []}',
      ]),
    ).toEqual(['{"a": [1, 2], "b": {"c": null}}', '{"a": [], "b": []}']);
  });

  it('is text in UTF-8, and a number that a double holds', () => {
    // Great lengths have a rule of their own for a character.
    expect(allowed(ofSchema({ type: 'string', maxLength: 2500 }), ['"\\ud83d"', '"\\u00e9"'])).toEqual(['"\\u00e9"']);
    expect(allowed(ofSchema({ type: 'string' }), ['"\\ud83d"', '"\\u00e9"', '"\\n"', '"\n"', '"😀"'])).toEqual([
      '"\\u00e9"',
      '"\\n"',
      '"😀"',
    ]);
    expect(allowed(ofSchema({ type: 'number' }), ['1e99', '1e999', '-1.5E-7', '01'])).toEqual(['1e99', '-1.5E-7']);
    expect(allowed({ type: 'json-object' }, ['{}', '{"a": 1e999}', '[]'])).toEqual(['{}']);
  });

  it('has dates of the calendar', () => {
    const dates = ['2024-02-29', '2023-02-29', '2000-02-29', '1900-02-29', '2024-04-31', '2024-12-31', '2024-13-01'];
    expect(
      allowed(
        ofSchema({ type: 'string', format: 'date' }),
        dates.map((date) => `"${date}"`),
      ),
    ).toEqual(['"2024-02-29"', '"2000-02-29"', '"2024-12-31"']);
  });
});

const letters = Array.from('abcdefghijklmn');
const aTree = {
  $ref: '#/$defs/tree',
  $defs: { tree: { type: 'object', properties: { in: { $ref: '#/$defs/tree' } }, required: ['in'] } },
};
const letterNames = Object.fromEntries(letters.map((letter) => [letter, { type: 'null' }]));
const wide = Object.fromEntries(Array.from({ length: 201 }, (_, i) => [`p${i}`, { type: 'null' }]));

describe('a schema that cannot be kept is refused', () => {
  it.each<[string, JsonValue, unknown]>([
    ['an unknown type', { type: 'object', properties: { age: { type: 'int' } } }, 'schema.properties.age.type'],
    ['a type that is no word', { type: 5 }, 'schema.type'],
    ['an unknown keyword', { type: 'string', minLenght: 3 }, 'schema.minLenght'],
    [
      'a step of many digits',
      { properties: { a: { type: 'integer', multipleOf: 99991 } } },
      'schema.properties.a.multipleOf',
    ],
    ['a step whose multiples have little in common', { type: 'integer', multipleOf: 9973 }, 'schema.multipleOf'],
    ['no step', { type: 'number', multipleOf: 0 }, 'schema.multipleOf'],
    ['no multiple in between', { type: 'integer', multipleOf: 7, minimum: 8, maximum: 13 }, 'schema.minimum'],
    ['a list that has to contain something', { contains: { type: 'string' } }, 'schema.contains'],
    ['unique items', { items: { type: 'array', uniqueItems: true } }, 'schema.items.uniqueItems'],
    ['unique items of any text', { items: { type: 'string' }, uniqueItems: true }, 'schema.uniqueItems'],
    [
      'more unique items than values',
      { items: { type: 'boolean' }, uniqueItems: true, minItems: 3 },
      'schema.minItems',
    ],
    [
      'names by patterns that disagree',
      { patternProperties: { '^x': { type: 'null' }, y$: { type: 'string' } } },
      'schema.patternProperties.y$',
    ],
    [
      'a required property with a name that is not allowed',
      { type: 'object', propertyNames: { pattern: '^x' }, required: ['y'] },
      'schema.required',
    ],
    [
      'a count of properties of which two could be one',
      { type: 'object', additionalProperties: { type: 'null' }, minProperties: 2 },
      'schema.minProperties',
    ],
    [
      'a count of properties beside others',
      { type: 'object', properties: { a: {} }, additionalProperties: true, maxProperties: 2 },
      'schema.maxProperties',
    ],
    [
      'a count of properties that there are many ways to have',
      { type: 'object', properties: letterNames, additionalProperties: false, minProperties: 2 },
      'schema.minProperties',
    ],
    ['fewer properties than are required', { required: ['a', 'b'], maxProperties: 1 }, 'schema.maxProperties'],
    ['names of a format', { type: 'object', propertyNames: { format: 'date' } }, 'schema.propertyNames.format'],
    ['bounds the wrong way round', { type: 'integer', minimum: 3, maximum: 2 }, 'schema.minimum'],
    ['no number in between', { type: 'integer', exclusiveMinimum: 1, exclusiveMaximum: 2 }, 'schema.minimum'],
    ['lengths the wrong way round', { type: 'string', minLength: 3, maxLength: 2 }, 'schema.minLength'],
    ['counts the wrong way round', { type: 'array', minItems: 3, maxItems: 2 }, 'schema.minItems'],
    ['an empty enum', { anyOf: [{ enum: [] }] }, 'schema.anyOf[0].enum'],
    ['an enum of another type', { type: 'string', enum: [1] }, 'schema'],
    ['two types at a time', { allOf: [{ type: 'string' }, { type: 'null' }] }, 'schema.type'],
    [
      'a property that must not be there',
      { type: 'object', required: ['a'], additionalProperties: false },
      'schema.required',
    ],
    ['a reference to nothing', { properties: { 'a b': { $ref: '#/$defs/no' } } }, 'schema.properties["a b"].$ref'],
    ['a reference to elsewhere', { $ref: 'https://example.com/x.json' }, 'schema.$ref'],
    ['a reference to itself', { $ref: '#' }, 'schema'],
    ['values without an end', aTree, 'schema'],
    ['a choice of one that may be two', { oneOf: [{ type: 'integer' }, { type: 'number' }] }, 'schema.oneOf'],
    ['a great count of items', { type: 'array', maxItems: 2001 }, 'schema.maxItems'],
    ['a lookbehind of two characters', { type: 'string', pattern: '(?<=ab)c' }, 'schema.pattern'],
    ['a lookahead that is repeated', { type: 'string', pattern: '^((?=a)[^b])*$' }, 'schema.pattern'],
    ['a pattern that nothing matches', { type: 'string', pattern: '^(?=a)b' }, 'schema.pattern'],
    ['a pattern of another length', { type: 'string', pattern: '^a{3}$', minLength: 4 }, 'schema.pattern'],
    ['a pattern of countless states', { type: 'string', pattern: '^(?=.*x)(.*a.{40})$' }, 'schema.pattern'],
    [
      'long names',
      { properties: { ['n'.repeat(9000)]: { properties: wide } } },
      expect.stringMatching(/^schema.properties.n+/),
    ],
    ['a pattern that is none', { type: 'string', pattern: '(' }, 'schema.pattern'],
    ['many properties that need not be there', { type: 'object', properties: wide }, 'schema.properties'],
    [
      'a depth',
      Array.from({ length: 70 }).reduce<JsonValue>((items) => ({ type: 'array', items }), {}),
      `schema${'.items'.repeat(64)}`,
    ],
    ['false', { properties: { a: false }, required: ['a'] }, 'schema.properties.a'],
    ['a list', [], 'schema'],
    ['half a character', { properties: { '\ud83d': {} } }, 'schema'],
  ])('for %s, with the place', (_, schema, param) => {
    expect(() => grammarSource(ofSchema(schema))).toThrow(expect.objectContaining({ code: 'invalid_request', param }));
  });

  it('nor is a grammar that is none, and says where', () => {
    const gbnf = 'root ::= item+\nitem ::= "a" | [b\n';
    expect(() => match('', gbnf, 'a')).toThrow(/line 2/);
    expect(() => match('', 'root ::= root "a" | "b"', 'b')).toThrow(/left recursion/);
    expect(() => match('', 'root ::= other', 'b')).toThrow(/other is not defined/);
    expect(() => match('', 'root ::= "a"{9999}', 'a')).toThrow(/line 1, column 13: more than 2000/);
    expect(() => match('', 'root ::= "a" [\\uD800-\\uDBFF]', 'a')).toThrow(/half a surrogate pair/);
    expect(match('', 'root ::= [a\\uD800]', 'a')).toEqual([true]);
    expect(match('', 'root ::= [^\\uD800-\\uDFFF]', 'a')).toEqual([true]);
  });

  it('nor is one that can be read in too many ways', () => {
    const rules = Array.from({ length: 14 }, (_, i) => `r${i} ::= r${i + 1} "a" | r${i + 1} "b"\n`).join('');
    expect(() => match('', `root ::= r0\n${rules}r14 ::= "x"\n`, 'xa')).toThrow(/too ambiguous/);
  });
});

describe('what libraries make of types is taken', () => {
  it.each<[string, JsonValue, readonly string[], readonly string[]]>([
    [
      'pydantic',
      {
        $defs: {
          Item: {
            properties: { sku: { title: 'Sku', type: 'string' }, qty: { exclusiveMinimum: 0, type: 'integer' } },
            required: ['sku', 'qty'],
            title: 'Item',
            type: 'object',
          },
        },
        properties: {
          items: { items: { $ref: '#/$defs/Item' }, type: 'array' },
          note: { anyOf: [{ type: 'string' }, { type: 'null' }], default: null },
        },
        required: ['items'],
        title: 'Order',
        type: 'object',
      },
      ['{"items": [{"sku": "a", "qty": 1}], "note": null}', '{"items": []}'],
      ['{"items": [{"sku": "a", "qty": 0}]}', '{"note": null}'],
    ],
    [
      'zod',
      {
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        type: 'object',
        properties: {
          kind: { type: 'string', const: 'x' },
          map: { type: 'object', propertyNames: { type: 'string' }, additionalProperties: { type: 'number' } },
          pair: { type: 'array', prefixItems: [{ type: 'string' }, { type: 'boolean' }] },
        },
        required: ['kind', 'map', 'pair'],
        additionalProperties: false,
      },
      ['{"kind": "x", "map": {"a": 1.5}, "pair": ["", true]}'],
      ['{"kind": "y", "map": {}, "pair": ["", true]}'],
    ],
    [
      'a discriminated union',
      {
        oneOf: [{ $ref: '#/$defs/cat' }, { $ref: '#/$defs/dog' }],
        discriminator: { propertyName: 'kind' },
        $defs: {
          cat: {
            type: 'object',
            properties: { kind: { const: 'cat' }, lives: { type: 'integer' } },
            required: ['kind', 'lives'],
          },
          dog: { type: 'object', properties: { kind: { const: 'dog' } }, required: ['kind'] },
        },
      },
      ['{"kind": "cat", "lives": 9}', '{"kind": "dog"}'],
      ['{"kind": "dog", "lives": 9}'],
    ],
  ])('%s', (_, schema, valid, invalid) => {
    expect(allowed(ofSchema(schema), [...valid, ...invalid])).toEqual(valid);
  });

  it('and an error of the schema is one of ours', () => {
    expect(() => grammarSource(ofSchema(3))).toThrow(VserveError);
  });
});
