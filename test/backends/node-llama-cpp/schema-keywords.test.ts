import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { JsonValue } from '../../../src/backend/index.ts';
import { expectExamples } from '../../engine/schemas/expect-examples.ts';
import type { Allowed, Example } from '../../engine/schemas/expect-examples.ts';
import { grammarMatcher, ofSchema } from '../../engine/schemas/grammar-matcher.ts';

let allowed: Allowed;
beforeAll(async () => {
  ({ allowed } = await grammarMatcher());
});

const examples = (given: readonly Example[]): void => expectExamples(() => allowed, given);

describe('properties that are not named one by one', () => {
  examples([
    [
      'have names of a pattern, and its values',
      { type: 'object', patternProperties: { '^x': { type: 'integer' } } },
      ['{}', '{"x": 1}', '{"xa": 1, "x\\"": 2, "xé": 3}'],
      ['{"y": 1}', '{"x": "a"}', '{"ax": 1}', '{"x": 1, "y": 2}'],
    ],
    [
      'of patterns stand beside named ones, which they hold for, too',
      {
        type: 'object',
        properties: { a: { type: 'null' }, xx: { maximum: 5 } },
        required: ['a'],
        patternProperties: { '^x': { type: 'integer' }, '^z\\d$': { type: 'boolean' } },
        additionalProperties: { type: 'string' },
      },
      [
        '{"a": null}',
        '{"a": null, "xx": 3, "xa": 1, "xb": 2}',
        '{"a": null, "z1": true, "q": "v", "x": 1, "z2": false}',
        '{"a": null, "zz": "v"}',
      ],
      ['{"a": null, "xx": 9}', '{"a": null, "xx": 1.5}', '{"a": null, "z1": "v"}', '{"a": null, "q": 1}', '{"x": 1}'],
    ],
    [
      'are required by a name that a pattern matches',
      { patternProperties: { '^x': { type: 'integer' } }, required: ['x1'], additionalProperties: false },
      ['{"x1": 5}', '{"x1": 5, "x2": 6}'],
      ['{}', '{"x2": 6}', '{"x1": "a"}'],
    ],
    [
      'may be of two patterns that say the same',
      { patternProperties: { '^x': { type: 'null' }, y$: { type: 'null' } } },
      ['{"x": null, "ay": null, "xy": null}'],
      ['{"a": null}'],
    ],
    [
      'stand beside one without a name',
      { properties: { '': { type: 'boolean' }, root: { const: '\\ud83d' } }, required: [''] },
      ['{"": true}', '{"": false, "root": "\\\\ud83d"}'],
      ['true', '{}', '{"root": "\\\\ud83d"}'],
    ],
    [
      'have names that propertyNames allows',
      { type: 'object', propertyNames: { pattern: '^[a-z]+$', maxLength: 2 }, additionalProperties: { type: 'null' } },
      ['{"ab": null, "c": null}'],
      ['{"abc": null}', '{"A": null}', '{"a": 1}'],
    ],
    [
      'stand beside those whose names are no plain text',
      { type: 'object', properties: { 'größe]"': { type: 'null' } }, additionalProperties: { type: 'integer' } },
      ['{"größe]\\"": null, "größe": 1}', '{"a": 2}'],
      ['{"größe]\\"": 1}'],
    ],
    [
      'may be deep in a schema, of several objects',
      {
        type: 'array',
        items: {
          anyOf: [
            { type: 'object', patternProperties: { '^a': { $ref: '#/$defs/node' } }, additionalProperties: false },
            { type: 'object', properties: { b: {} }, patternProperties: { '^c': {} }, required: ['b'] },
          ],
        },
        $defs: { node: { type: 'object', patternProperties: { '^n': { $ref: '#/$defs/node' } } } },
      },
      ['[{"a": {"n": {"n1": {}}}}, {"b": 1, "c1": [], "c2": {}}]', '[{}, {"b": {}}]'],
      ['[{"c": 1}]', '[{"a": {"b": 1}}]', '[{"b": 1, "a": {}}]'],
    ],
  ]);
});

const nulls = (...names: readonly string[]): JsonValue =>
  Object.fromEntries(names.map((name) => [name, { type: 'null' }]));
const three = { type: 'object', properties: nulls('a', 'b', 'c'), additionalProperties: false };

describe('properties are counted', () => {
  examples([
    [
      'of any names, at least one',
      { type: 'object', additionalProperties: { type: 'integer' }, minProperties: 1 },
      ['{"a": 1}', '{"a": 1, "b": 2, "c": 3}'],
      ['{}', '{"a": "x"}', '{"a": 1, "b": "x"}', '{"a": 1, "leaf0": "x"}'],
    ],
    [
      'of any names, up to a number',
      { type: 'object', maxProperties: 2 },
      ['{}', '{"a": [1]}', '{"a": 1, "b": {}}'],
      ['{"a": 1, "b": 2, "c": 3}'],
    ],
    [
      'of names that have a form',
      {
        type: 'array',
        items: {
          type: 'object',
          propertyNames: { pattern: '^[a-z]$' },
          additionalProperties: { type: 'null' },
          minProperties: 1,
          maxProperties: 2,
        },
      },
      ['[{"a": null}, {"b": null, "c": null}]', '[]'],
      ['[{}]', '[{"ab": null}]', '[{"a": null, "b": null, "c": null}]', '[{"a": 1}]'],
    ],
    ['to none', { type: 'object', maxProperties: 0 }, ['{}'], ['{"a": 1}']],
    [
      'of some names, one at least',
      { ...three, minProperties: 1 },
      ['{"a": null}', '{"c": null}', '{"a": null, "b": null, "c": null}'],
      ['{}', '{"d": null}'],
    ],
    [
      'of some names, one beside a required one',
      { ...three, required: ['b'], minProperties: 2, maxProperties: 2 },
      ['{"a": null, "b": null}', '{"b": null, "c": null}'],
      ['{"b": null}', '{"a": null, "c": null}', '{"a": null, "b": null, "c": null}'],
    ],
    [
      'that propertyNames lists',
      { propertyNames: { enum: ['x', 'y'] }, additionalProperties: { type: 'null' }, minProperties: 1 },
      ['{"x": null}', '{"y": null}', '{"x": null, "y": null}'],
      ['{}', '{"z": null}'],
    ],
    ['where no name is allowed', { type: 'object', propertyNames: false }, ['{}'], ['{"a": 1}']],
  ]);
});

const within = (from: number, to: number, step: number): string[] =>
  Array.from({ length: Math.round((to - from) / step) + 1 }, (_, i) => String(from + i * step));

describe('multiples', () => {
  it.each([
    [7, -40, 130],
    [12, 0, 500],
    [5, 3, 99],
    [60, -120, 3600],
    [250, 1, 10_000],
  ])('of %d between %d and %d are those, and no others', (multipleOf, minimum, maximum) => {
    const texts = within(minimum - 5, maximum + 5, 1);
    const inside = texts.filter(
      (text) => Number(text) % multipleOf === 0 && Number(text) >= minimum && Number(text) <= maximum,
    );
    expect(allowed(ofSchema({ type: 'integer', multipleOf, minimum, maximum }), texts)).toEqual(inside);
  });

  examples([
    [
      'of a number with decimals have as many',
      { type: 'number', multipleOf: 0.25, maximum: 3.6 },
      ['0', '0.5', '0.50', '2.75', '3.5', '-0.25', '-1000.75', '-3'],
      ['0.3', '0.55', '3.75', '4', '0.500', '-0', '1.', '00.5'],
    ],
    ['of an integer are whole', { type: 'integer', multipleOf: 2.5 }, ['5', '-10', '0'], ['2.5', '7', '7.5']],
    [
      'have no bound, but digits that a double keeps',
      { type: 'integer', multipleOf: 7 },
      ['999999999999994', '-700000000000007'],
      ['999999999999995', '7000000000000000'],
    ],
    [
      'are exclusive of bounds that are',
      { multipleOf: 3, exclusiveMinimum: 3, exclusiveMaximum: 12 },
      ['6', '9'],
      ['3', '12'],
    ],
  ]);
});

describe('items that all differ', () => {
  const colours = { enum: ['red', 'green', 'blue'] };
  examples([
    [
      'are in any order',
      { type: 'array', items: colours, uniqueItems: true },
      ['[]', '["blue"]', '["blue", "red"]', '["green", "blue", "red"]'],
      ['["red", "red"]', '["blue", "red", "blue"]', '["pink"]', '[""]'],
    ],
    [
      'are as many as they may be',
      {
        type: 'array',
        items: { $ref: '#/$defs/c' },
        uniqueItems: true,
        minItems: 2,
        maxItems: 2,
        $defs: { c: colours },
      },
      ['["blue", "red"]'],
      ['["blue"]', '["red", "green", "blue"]', '["red", "red"]'],
    ],
    [
      'may be of a type with few values',
      { items: { type: 'boolean' }, uniqueItems: true },
      ['[true, false]'],
      ['[true, true]'],
    ],
    ['say nothing of one item', { items: {}, uniqueItems: true, maxItems: 1 }, ['[5]', '[]'], ['[5, 6]']],
  ]);

  const letters = { enum: Array.from('abcdefghijklmnopqrst') };
  examples([
    [
      'are in the order of the schema, of many values',
      { type: 'array', items: letters, uniqueItems: true },
      ['[]', '["t"]', '["a", "c", "t"]', `[${letters.enum.map((letter) => `"${letter}"`).join(', ')}]`],
      ['["c", "a"]', '["a", "a"]', '["x"]', '["a", "b", "a"]'],
    ],
    [
      'are so many then, too',
      { type: 'array', items: letters, uniqueItems: true, minItems: 10, maxItems: 11 },
      ['["a", "b", "c", "d", "e", "f", "g", "h", "i", "t"]', '["j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t"]'],
      ['["a", "b"]', '["k", "l", "m"]', '["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"]'],
    ],
    [
      'are at least so many, up to the last ones',
      { type: 'array', items: letters, uniqueItems: true, minItems: 2, maxItems: 2000 },
      ['["s", "t"]', '["a", "s", "t"]'],
      ['["t"]', '[]', '["t", "s"]'],
    ],
  ]);

  it('may be few of many', () => {
    const items = { enum: Array.from({ length: 30 }, (_, i) => i) };
    expect(allowed(ofSchema({ items, uniqueItems: true, maxItems: 2 }), ['[29, 0]', '[3, 3]'])).toEqual(['[29, 0]']);
  });
});

describe('a pattern', () => {
  examples([
    [
      'looks ahead',
      { type: 'string', pattern: '^(?=.*\\d)(?=.*[A-Z])[\\w!]{4,6}$' },
      ['"aB3!"', '"9Zaaaa"'],
      ['"abcd"', '"AB3"', '"aB3aaaa"', '"a1b2"'],
    ],
    [
      'rules out what comes',
      { type: 'string', pattern: '^(?!foo|ba)[a-z]+(?!x)$' },
      ['"fob"', '"x"'],
      ['"food"', '"bar"'],
    ],
    ['looks ahead from anywhere', { type: 'string', pattern: 'a(?=b)[a-c]d' }, ['"xabdy"'], ['"acd"', '"ab"']],
    [
      'looks behind, at a character or the start',
      { type: 'string', pattern: '(?<=^|,)a(?<!\\d)b' },
      ['"ab"', '"x,ab"'],
      ['"xab"', '"a,b"'],
    ],
    [
      'rules out what came before',
      { type: 'string', pattern: '^[a-z ]*(?<!x)safe$' },
      ['"safe"', '"a safe"'],
      ['"xsafe"', '"safer"'],
    ],
    [
      'has words',
      { type: 'string', pattern: '\\bcat\\b' },
      ['"cat"', '"a cat!"', '"cat-like"'],
      ['"cats"', '"concat"', '"_cat"'],
    ],
    ['has parts of words', { type: 'string', pattern: '^\\w+\\Bx\\b' }, ['"ax"', '"aax y"'], ['"x"', '"axy"']],
    [
      'has a length beside it',
      { type: 'string', pattern: '^[a-z]+-\\d*$', minLength: 4, maxLength: 5 },
      ['"ab-1"', '"abcd-"'],
      ['"a-1"', '"abcd-1"', '"abcd"'],
    ],
    [
      'names kinds of characters',
      { type: 'string', pattern: '^\\p{Lu}\\p{L}*$' },
      ['"Äpfel"', '"Ж"'],
      ['"äpfel"', '"A1"'],
    ],
    [
      'keeps what JSON writes otherwise',
      { type: 'string', pattern: '^(?!a)[^b]$' },
      ['"\\""', '"\\n"', '"😀"'],
      ['"a"', '"\n"'],
    ],
  ]);

  it('of an e-mail address or a name of a map is taken as zod writes it', () => {
    const shape = z.object({ mail: z.email(), map: z.record(z.string().regex(/^k\d$/), z.int()) });
    const schema = z.toJSONSchema(shape) as JsonValue;
    const valid = ['{"mail": "ada.lovelace@example.com", "map": {"k1": 5}}'];
    const invalid = [
      '{"mail": "a..b@example.com", "map": {}}',
      '{"mail": "ada", "map": {}}',
      '{"mail": "a@b.de", "map": {"k": 1}}',
    ];
    expect(allowed(ofSchema(schema), [...valid, ...invalid])).toEqual(valid);
  });

  examples([
    [
      'of decimals is taken as pydantic writes it',
      { type: 'string', pattern: '^(?!^[-+.]*$)[+-]?0*\\d*\\.?\\d*$' },
      ['"1.5"', '"-007"', '".5"'],
      ['"."', '"+"', '"1.5.2"', '""'],
    ],
    [
      'of decimals of some digits, too',
      { type: 'string', pattern: '^(?!^[-+.]*$)[+-]?0*(?:\\d{0,3}$|(?=[\\d.]{1,6}0*$)\\d{0,3}\\.\\d{0,2}0*$)' },
      ['"1.5"', '"123"', '"-12.25"'],
      ['"1234"', '"1.255"', '"."'],
    ],
    [
      'may have its anchors anywhere',
      { type: 'string', pattern: '(^a|b$)' },
      ['"a"', '"ax"', '"xb"'],
      ['"xa"', '"bx"', '""'],
    ],
    ['may be one that the empty text alone has', { type: 'string', pattern: '$^' }, ['""'], ['"a"']],
  ]);

  it('may be a regular expression that looks ahead', () => {
    expect(allowed({ type: 'regex', pattern: '(?!0)\\d{1,3}' }, ['120', '7', '007', '1234'])).toEqual(['120', '7']);
  });
});

const inQuotes = (...texts: readonly string[]): string[] => texts.map((text) => `"${text}"`);

describe('a format', () => {
  it.each<[string, readonly string[], readonly string[]]>([
    ['email', ['ada.l+x@mail.example.com'], ['ada', '@b.de', 'a..b@c.de', 'a@b']],
    ['hostname', ['a', 'www.example-1.org'], ['-a', 'a..b', 'a_b']],
    ['ipv4', ['127.0.0.1', '255.249.99.0'], ['256.1.1.1', '1.2.3', '01.2.3.4']],
    [
      'ipv6',
      ['::', '::1', 'fe80::1:2', '1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7::'],
      ['1', ':::', '1::2::3', '1:2:3:4:5:6:7'],
    ],
    ['duration', ['P1D', 'PT15M', 'P2W', 'P1Y2M3DT4H5M6S'], ['P', 'PT', '1D', 'P1S', 'P1DT']],
    [
      'uri',
      ['https://a.example:80/b%20c?d=/e#f', 'mailto:a@b.c', 'file:///x'],
      ['a', '//b', 'a: b', 'a:#b#c', 'a:%zz'],
    ],
  ])('%s is kept', (format, valid, invalid) => {
    const texts = inQuotes(...valid, ...invalid);
    expect(allowed(ofSchema({ type: 'string', format }), texts)).toEqual(texts.slice(0, valid.length));
  });

  it('stands beside the length that pydantic writes for addresses', () => {
    const schema = { type: 'string', format: 'uri', minLength: 1, maxLength: 2083 };
    const texts = inQuotes('https://a.example/b?c=d', 'https', 'a b');
    expect(allowed(ofSchema(schema), texts)).toEqual(texts.slice(0, 1));
    const address = { type: 'string', format: 'email', minLength: 1, maxLength: 254 };
    expect(allowed(ofSchema(address), inQuotes('ada@b.de', 'ada'))).toEqual(inQuotes('ada@b.de'));
    for (const [format, maxLength, text] of [
      ['email', 40, 'ada@b.de'],
      ['hostname', 253, 'a.example'],
      ['ipv4', 15, '10.0.0.1'],
      ['ipv6', 45, '::1'],
    ] as const)
      expect(allowed(ofSchema({ type: 'string', format, maxLength }), inQuotes(text, 'a b'))).toEqual(inQuotes(text));
    const short = { type: 'string', format: 'email', maxLength: 3 };
    expect(allowed(ofSchema(short), inQuotes('abc', 'a@b.de'))).toEqual(inQuotes('abc'));
  });
});

const textOf = (length: number): string => `"${'x'.repeat(length)}"`;

describe('great numbers', () => {
  it('of characters are counted', () => {
    const lengths = [2999, 3000, 3001, 4999, 5000, 5001].map((length) => textOf(length));
    expect(allowed(ofSchema({ type: 'string', minLength: 3000, maxLength: 5000 }), lengths)).toEqual(
      lengths.slice(1, 5),
    );
    expect(allowed(ofSchema({ type: 'string', pattern: '^x{3000,5000}$' }), lengths)).toEqual(lengths.slice(1, 5));
    expect(allowed(ofSchema({ type: 'string', maxLength: 2 ** 32 }), [textOf(4000)])).toHaveLength(1);
    expect(allowed(ofSchema({ items: { type: 'null' }, maxItems: 2 ** 32 }), ['[null, null]'])).toHaveLength(1);
  });

  it('of values are told apart', () => {
    const values = Array.from({ length: 10_000 }, (_, i) => `value ${i * 7} é${i % 3}`);
    const [first = '', last = ''] = [values[0], values.at(-1)];
    expect(
      allowed(ofSchema({ enum: [...values, 5, null, { a: [1] }] }), [
        '5',
        'null',
        '{"a":[1]}',
        `"${first}"`,
        `"${last}"`,
        '"value 1 é1"',
        '"value "',
      ]),
    ).toHaveLength(5);
    expect(allowed({ type: 'choice', choices: values }, [first, last, 'value 1 é1', ''])).toEqual([first, last]);
    expect(
      allowed({ type: 'choice', choices: ['a', 'ab', 'abc', '😀', '😁'] }, ['a', 'ab', 'abc', 'b', '😀', '😁', '😂']),
    ).toEqual(['a', 'ab', 'abc', '😀', '😁']);
  });
});
