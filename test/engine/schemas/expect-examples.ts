import { expect, it } from 'vitest';
import type { AnswerFormat, JsonValue } from '../../../src/backend/index.ts';
import { ofSchema } from './grammar-matcher.ts';

/** Which of some texts an answer format allows. */
export type Allowed = (format: AnswerFormat, texts: readonly string[]) => string[];

/** Of a schema, with texts that it allows and others that it does not. */
export type Example = readonly [what: string, schema: JsonValue, valid: readonly string[], invalid: readonly string[]];

/** Makes a test of each example. `allowed` gives the matcher once the tests run. */
export function expectExamples(allowed: () => Allowed, examples: readonly Example[]): void {
  it.each<Example>(examples)('%s', (_, schema, valid, invalid) => {
    expect(allowed()(ofSchema(schema), [...valid, ...invalid])).toEqual(valid);
  });
}
