import type { JsonObject, JsonValue } from '../../../src/backend/index.ts';
import { isList, isObject, typeAt } from './json-kinds.ts';
import { type TypeName, typesOfKeywords } from './keywords.ts';
import { isOfType } from './merge.ts';
import { memberOf, refuse, refuseEmpty } from './refuse.ts';
import type { SchemaReader } from './schema-reader.ts';
import { textTrie } from './text-trie.ts';
import { valueTest } from './value-test.ts';

/** From here on, what values have in common is written once. */
const manyValues = 100;

/** The values of an enum or a constant that what stands beside it allows. */
export function valueSchema(
  values: readonly JsonValue[],
  beside: JsonObject,
  path: string,
  { leaves, budget }: SchemaReader,
): JsonObject {
  const { type, ...rest } = beside;
  const types = type === undefined ? undefined : typesAt(type, path);
  const ofType = types === undefined ? values : values.filter((value) => types.some((one) => isOfType(value, one)));
  const tests = Object.entries(rest).map(([keyword, said]) => {
    const at = memberOf(path, keyword);
    return (
      valueTest(keyword, said, { at, budget }) ??
      (ofType.some((value) => isAbout(keyword, value)) ? undefined : () => true) ??
      refuse(
        at,
        `Beside an enum or a const, ${keyword} is not supported. Leave out the values that it excludes, and the keyword.`,
      )
    );
  });
  const valid = ofType.filter((value) => tests.every((test) => test(value)));
  const [first] = valid;
  if (first === undefined) return refuseEmpty(path, 'None of the values is allowed by what stands beside them.');
  if (valid.length === 1) return { const: first };
  if (valid.length < manyValues) return { enum: [...valid] };
  const trie = (textOf: (value: JsonValue) => string): string => {
    const texts = valid.map(textOf);
    budget.spend(
      texts.reduce((sum, { length }) => sum + length, 10 * texts.length),
      path,
    );
    return textTrie(texts, leaves);
  };
  return leaves.add(
    trie((value) => JSON.stringify(value)),
    { text: () => trie(plainText), quoted: (quote) => trie((value) => quotedText(value, quote)) },
  );
}

function isAbout(keyword: string, value: JsonValue): boolean {
  const types = typesOfKeywords({ [keyword]: true });
  return types.size === 0 || [...types].some((type) => isOfType(value, type));
}

function plainText(value: JsonValue): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** A value as some models write it: `{unit:<|"|>C<|"|>,days:2}`, where `<|"|>` is the quote. */
export function quotedText(value: JsonValue, quote: string): string {
  if (typeof value === 'string') return quote + value + quote;
  if (isList(value)) return `[${value.map((item) => quotedText(item, quote)).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([key, item]) => `${key}:${quotedText(item, quote)}`)
    .join(',')}}`;
}

/** The types that the keyword `type` names. */
export function typesAt(type: JsonValue, path: string): readonly TypeName[] {
  const at = memberOf(path, 'type');
  if (!isList(type)) return [typeAt(type, at)];
  if (type.length === 0) refuse(at, 'An empty list of types allows no value.');
  return type.map((one, i) => typeAt(one, memberOf(at, i)));
}
