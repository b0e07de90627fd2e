import { beforeAll, describe, expect, it } from 'vitest';
import { toNativeTools } from '../../../backends/node-llama-cpp/native-tools.ts';
import { compileFormat } from '../../../backends/node-llama-cpp/schema/answer-source.ts';
import type { JsonValue } from '../../../src/backend/index.ts';
import { grammarMatcher, type Match } from '../../engine/schemas/grammar-matcher.ts';

let match: Match;
beforeAll(async () => {
  ({ match } = await grammarMatcher());
});

/** Those of some texts that an argument may be where it stands between tags: all of them if nothing holds it. */
function allowed(argument: JsonValue, texts: readonly string[], definitions: Record<string, JsonValue> = {}): string[] {
  const parameters = { type: 'object', properties: { argument }, required: ['argument'], $defs: definitions } as const;
  const tool = { name: 'tool', description: '', parameters };
  const source = compileFormat({ type: 'arguments', schema: parameters });
  // The second of two: the rules of each have names of their own.
  const [, native] = toNativeTools({ tools: [tool, { ...tool, name: 'other' }] }, [source, source]);
  const [held] = native?.argumentTexts ?? [];
  if (native === undefined || held === undefined) return [...texts];
  const matched = match('', `root ::= (${held.gbnf})${held.isWhole ? '' : ' [^<]*'}\n${native.rules}`, ...texts);
  return texts.filter((_, i) => matched[i]);
}

const many = Array.from({ length: 300 }, (_, i) => `value ${i}`);

describe('an argument between tags', () => {
  it.each<[string, JsonValue, string[], string[]]>([
    ['a value of a few', { enum: ['a "b"', 3, null] }, ['a "b"', '3', 'null'], ['"a "b""', 'a', '4']],
    ['a value of many', { enum: many }, ['value 7', 'value 299'], ['"value 7"', 'value 300']],
    ['a constant', { const: 'Köln' }, ['Köln'], ['"Köln"', 'Kö']],
    ['a format', { type: 'string', format: 'date' }, ['2024-02-29'], ['"2024-02-29"', '2023-02-29']],
    ['a pattern', { type: 'string', pattern: '^a.*"$' }, ['a"', 'aß"'], ['"a\\""', 'a<"', 'b"']],
    ['a pattern with a lookahead', { type: 'string', pattern: '^(?!x)[^y]+$' }, ['z"z'], ['xz', 'zy', 'z<', '']],
    ['a pattern of tags', { type: 'string', pattern: '^<(?!b)[a-z]>$' }, ['<a>'], ['<b>', 'a']],
    ['a pattern of a length', { type: 'string', pattern: '^[ab]', maxLength: 3 }, ['b', 'a"c'], ['abcd', 'ca']],
    ['a length', { type: 'string', minLength: 1, maxLength: 2 }, ['"', 'ab'], ['', 'abc']],
    ['a least length', { type: 'string', minLength: 3 }, ['abc', 'a"cd'], ['', 'ab']],
    ['a great length', { type: 'string', maxLength: 2500 }, ['"', 'a'.repeat(2500)], ['a'.repeat(2501), 'a<']],
    ['a range', { type: 'integer', minimum: 3, maximum: 11 }, ['3', '11'], ['2', '12', '"3"']],
    ['a multiple', { type: 'integer', multipleOf: 7, minimum: 0 }, ['0', '714'], ['8', '715']],
    ['alternatives', { anyOf: [{ const: 'a' }, { type: 'null' }] }, ['a', 'null'], ['"a"', 'nil']],
    ['a reference', { $ref: '#/$defs/unit' }, ['C'], ['"C"', 'K']],
    [
      'alternatives that are references',
      { anyOf: [{ $ref: '#/$defs/unit' }, { type: 'boolean' }] },
      ['F', 'true'],
      ['T'],
    ],
  ])('is %s without quotes', (_, schema, valid, invalid) => {
    expect(allowed(schema, [...valid, ...invalid], { unit: { enum: ['C', 'F'] } })).toEqual(valid);
  });

  it('is any text where it is any string', () => {
    expect(allowed({ type: 'string' }, ['', 'a "b"'])).toEqual(['', 'a "b"']);
  });

  it('is of a definition that many others are of, which is written once', () => {
    const unit = { enum: many.slice(0, 50) };
    const names = Array.from({ length: 60 }, (_, i) => `a${i}`);
    const properties = Object.fromEntries(names.map((name) => [name, { $ref: '#/$defs/unit' }]));
    const schema = { type: 'object', properties, required: names, $defs: { unit } };
    const { gbnf, argumentTexts = [] } = compileFormat({ type: 'arguments', schema });
    const bytes = argumentTexts.reduce((sum, { gbnf }) => sum + gbnf.length, gbnf.length);
    expect(argumentTexts).toHaveLength(60);
    expect(bytes).toBeLessThan(2 * JSON.stringify(unit).length);
  });
});

it('a schema of an answer has no such grammars', () => {
  const schema = { type: 'object', properties: { a: { enum: ['b', 'c'] } } };
  expect(compileFormat({ type: 'json-schema', schema }).argumentTexts).toBeUndefined();
});
