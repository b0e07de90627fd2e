import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { getLlama } from 'node-llama-cpp';
import { expect, it } from 'vitest';
import { loadNativeAddon } from '../../../backends/node-llama-cpp/addon-loader.ts';
import { grammarSource } from '../../../backends/node-llama-cpp/schema/answer-source.ts';
import type { JsonValue } from '../../../src/backend/index.ts';
import { isCodedError } from '../../../src/errors/index.ts';
import { writings } from '../../engine/schemas/writings.ts';
import { narrower, refused } from '../../fixtures/json-schema-test-suite/differences.ts';

interface Case {
  readonly description: string;
  readonly schema: JsonValue;
  readonly tests: readonly { readonly description: string; readonly data: JsonValue; readonly valid: boolean }[];
}

const folder = join(import.meta.dirname, '../../fixtures/json-schema-test-suite');
const addon = loadNativeAddon(await getLlama({ gpu: false }));

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
  expect(all.flatMap(({ refusals }) => refusals).sort()).toEqual(Object.values(refused).flat().sort());
  expect(all.flatMap(({ narrow }) => narrow).sort()).toEqual(Object.values(narrower).flat().sort());
});
