import { getLlama } from 'node-llama-cpp';
import { loadNativeAddon } from '../../../backends/node-llama-cpp/addon-loader.ts';
import { grammarSource } from '../../../backends/node-llama-cpp/schema/answer-source.ts';
import type { AnswerFormat, JsonValue } from '../../../src/backend/index.ts';

/** Whether a grammar matches each of some texts, all of it. */
export type Match = (schema: string, gbnf: string, ...texts: readonly string[]) => readonly boolean[];

export const ofSchema = (schema: JsonValue): AnswerFormat => ({ type: 'json-schema', schema, param: 'schema' });

/** Matches texts against grammars, without a model. `allowed`: the texts of a list that a format allows. */
export async function grammarMatcher(): Promise<{
  match: Match;
  allowed: (format: AnswerFormat, texts: readonly string[]) => string[];
}> {
  const addon = loadNativeAddon(await getLlama({ gpu: false }));
  const match: Match = (schema, gbnf, ...texts) => addon.matchGrammar(schema, gbnf, texts);
  const allowed = (format: AnswerFormat, texts: readonly string[]): string[] => {
    const source = grammarSource(format);
    if (source === undefined) throw new Error('any text matches');
    const matched = match(source.schema, source.gbnf, ...texts);
    return texts.filter((_, i) => matched[i]);
  };
  return { match, allowed };
}
