import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { getLlama } from 'node-llama-cpp';
import { expect, it } from 'vitest';
import { loadNativeAddon } from '../../../backends/node-llama-cpp/addon-loader.ts';
import { grammarSource } from '../../../backends/node-llama-cpp/schema/answer-source.ts';
import type { JsonObject, JsonValue } from '../../../src/backend/index.ts';
import { isCodedError } from '../../../src/errors/index.ts';
import { narrower, refused } from '../../fixtures/json-schema-test-suite/differences.ts';

interface Case {
  readonly description: string;
  readonly schema: JsonValue;
  readonly tests: readonly { readonly description: string; readonly data: JsonValue; readonly valid: boolean }[];
}

const folder = join(import.meta.dirname, '../../fixtures/json-schema-test-suite');
const addon = loadNativeAddon(await getLlama({ gpu: false }));
const mostWritings = 130;

/** How a value may be written where white space is no choice: its keys in every order, up to a number. */
function writings(value: JsonValue): string[] {
  if (Array.isArray(value))
    return combine(value.map((item) => writings(item as JsonValue))).map((items) => `[${items.join(', ')}]`);
  if (typeof value !== 'object' || value === null) return [JSON.stringify(value)];
  const entries = Object.entries(value as JsonObject).map(([key, inner]) =>
    writings(inner).map((text) => `${JSON.stringify(key)}: ${text}`),
  );
  return orders(entries)
    .flatMap((order) => combine(order).map((members) => `{${members.join(', ')}}`))
    .slice(0, mostWritings);
}

function orders<T>(items: readonly T[]): (readonly T[])[] {
  if (items.length < 2 || items.length > 5) return [items];
  return items.flatMap((item, i) => orders(items.filter((_, j) => j !== i)).map((rest) => [item, ...rest]));
}

function combine(parts: readonly (readonly string[])[]): (readonly string[])[] {
  return parts.reduce<(readonly string[])[]>(
    (all, part) => all.flatMap((head) => part.map((text) => [...head, text])).slice(0, mostWritings),
    [[]],
  );
}

/** Every case of the suite, and what the grammar makes of it. */
function compare(
  file: string,
  { description, schema, tests }: Case,
): { refusals: string[]; narrow: string[]; wide: string[] } {
  const name = `${file}: ${description}`;
  const result = { refusals: [] as string[], narrow: [] as string[], wide: [] as string[] };
  try {
    const source = grammarSource({ type: 'json-schema', schema, param: '' });
    if (source === undefined) throw new Error('no grammar');
    for (const { description: test, data, valid } of tests) {
      const isMatched = addon.matchGrammar(source.schema, source.gbnf, writings(data)).includes(true);
      if (isMatched !== valid) (valid ? result.narrow : result.wide).push(`${name}: ${test}`);
    }
  } catch (error) {
    if (!isCodedError(error) || error.code !== 'invalid_request') throw error;
    result.refusals.push(name);
  }
  return result;
}

it('a grammar matches no instance that is not valid, and else differs only where it is known to', () => {
  const all = readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .flatMap((file) => {
      const cases = JSON.parse(readFileSync(join(folder, file), 'utf8')) as readonly Case[];
      return cases.map((one) => compare(file.replace('.json', ''), one));
    });
  expect(all.flatMap(({ wide }) => wide)).toEqual([]);
  expect(all.flatMap(({ refusals }) => refusals)).toEqual(Object.values(refused).flat());
  expect(all.flatMap(({ narrow }) => narrow)).toEqual(Object.values(narrower).flat());
});
