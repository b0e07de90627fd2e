import type { AnswerFormat, JsonObject, JsonValue } from '../../../src/backend/index.ts';
import { compileSchema } from './compile-schema.ts';
import { LeafRules, type QuotedValue } from './leaf-rules.ts';
import { patternRule } from './pattern.ts';
import { UnsupportedPattern } from './pattern-characters.ts';
import { memberOf, refuse } from './refuse.ts';
import { type ArgumentText, argumentTexts } from './tagged-arguments.ts';
import { textTrie } from './text-trie.ts';
import { WorkBudget } from './work-budget.ts';

/** What the engine makes a grammar of: a schema as JSON text (empty without one), and rules of GBNF. */
export interface GrammarSource {
  readonly schema: string;
  readonly gbnf: string;
  /** See `CompiledSchema`. */
  readonly hasNameForms?: boolean;
  /** Of the arguments of a tool, where they stand between tags. */
  readonly argumentTexts?: readonly ArgumentText[];
  /** Of the arguments of a tool, where their strings have a quote of their own. */
  readonly quotedValues?: readonly QuotedValue[];
}

type CompiledAnswerFormat = Extract<AnswerFormat, { type: 'json-schema' | 'regex' | 'choice' }>;

/** What a tool is called with: some models write no JSON. */
export interface ArgumentsFormat {
  readonly type: 'arguments';
  readonly schema: JsonValue;
  /** The quote of the model's strings; undefined for models that write JSON, or text between tags. */
  readonly quote?: string;
  readonly param?: string;
}

type SchemaFormat = Extract<CompiledFormat, { schema: JsonValue }>;

/** A format that has to be compiled before the engine can make a grammar of it. */
export type CompiledFormat = CompiledAnswerFormat | ArgumentsFormat;

const mostBytes = 512 * 1024;
const mostChoiceBytes = 256 * 1024;
/** About a second. */
const mostWork = 4_000_000;

/** What needs no compilation: any text (undefined), any object, and a grammar as it came. */
export function plainSource(format: Exclude<AnswerFormat, CompiledAnswerFormat>): GrammarSource | undefined {
  if (format.type === 'text') return undefined;
  return format.type === 'gbnf' ? { schema: '', gbnf: format.grammar } : { schema: '{"type":"object"}', gbnf: '' };
}

/**
 * Compiles a format. Throws `invalid_request` with the `param` of what cannot be kept, or takes too much work; `OutOfWork`
 * where a smaller budget than the default one is spent.
 */
export function compileFormat(format: CompiledFormat, budget = new WorkBudget(mostWork)): GrammarSource {
  const param = format.param ?? '';
  switch (format.type) {
    case 'json-schema':
    case 'arguments':
      return schemaSource(format, param, budget);
    case 'regex':
      return { schema: '', gbnf: regexGrammar(format.pattern, param, budget) };
    case 'choice':
    default:
      return { schema: '', gbnf: choiceGrammar(format.choices, param, budget) };
  }
}

/** Whether a format has to be compiled. */
export function isCompiled(format: AnswerFormat): format is CompiledAnswerFormat {
  return format.type === 'json-schema' || format.type === 'regex' || format.type === 'choice';
}

/** The grammar of an answer; undefined for any text. Throws as `compileFormat`. */
export function grammarSource(format: AnswerFormat): GrammarSource | undefined {
  return isCompiled(format) ? compileFormat(format) : plainSource(format);
}

function schemaSource(format: SchemaFormat, param: string, budget: WorkBudget): GrammarSource {
  const written = JSON.stringify(format.schema);
  if (written.length > mostBytes) refuse(param, `The schema has more than ${mostBytes / 1024} kB.`);
  if (halfCharacter.test(written)) refuse(param, 'It has one half of a surrogate pair, which no text has.');
  const { schema, leaves, hasNameForms } = compileSchema(format.schema, param, budget);
  // These add rules.
  const others = format.type === 'arguments' ? otherWritings(schema, leaves, format.quote) : {};
  return { schema: JSON.stringify(schema), gbnf: leaves.toString(), hasNameForms, ...others };
}

/** As JSON writes what is no Unicode, not behind a backslash that is itself written so. */
const halfCharacter = /(?<!\\)(?:\\\\)*\\u[dD][89a-fA-F]/;

function otherWritings(
  schema: JsonObject,
  leaves: LeafRules,
  quote: string | undefined,
): Pick<GrammarSource, 'argumentTexts' | 'quotedValues'> {
  return quote === undefined
    ? { argumentTexts: argumentTexts(schema, leaves) }
    : { quotedValues: leaves.quoted(quote) };
}

/** The names of a grammar's own rules. */
const noSchema = '';

function regexGrammar(pattern: string, param: string, budget: WorkBudget): string {
  const leaves = new LeafRules(noSchema);
  try {
    const rule = patternRule(pattern, { place: 'text', whole: true }, { leaves, budget, path: param });
    if (rule === undefined) refuse(param, 'No text matches the regular expression.');
    return `root ::= ${rule}\n${leaves.toString()}`;
  } catch (error) {
    if (error instanceof UnsupportedPattern)
      refuse(param, `The regular expression is not supported: ${error.message}.`);
    throw error;
  }
}

function choiceGrammar(choices: readonly string[], param: string, budget: WorkBudget): string {
  if (choices.length === 0) refuse(param, 'There has to be at least one choice.');
  const empty = choices.indexOf('');
  if (empty >= 0) refuse(memberOf(param, empty), 'A choice must not be empty.');
  const half = choices.findIndex((choice) => halfCharacter.test(JSON.stringify(choice)));
  if (half >= 0) refuse(memberOf(param, half), 'It has one half of a surrogate pair, which no text has.');
  const bytes = choices.reduce((sum, choice) => sum + choice.length, 0);
  if (bytes > mostChoiceBytes) refuse(param, `The choices have more than ${mostChoiceBytes / 1024} kB together.`);
  budget.spend(bytes + 10 * choices.length, param);
  const leaves = new LeafRules(noSchema);
  return `root ::= ${textTrie(choices, leaves)}\n${leaves.toString()}`;
}
