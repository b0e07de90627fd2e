import type { AnswerFormat } from '../../../src/backend/index.ts';
import { compileSchema } from './compile-schema.ts';
import { anyOf, literal } from './gbnf.ts';
import { patternRule, UnsupportedPattern } from './pattern.ts';
import { memberOf, refuse } from './refuse.ts';

/** What the engine makes a grammar of: a schema as JSON text (empty without one), and rules of GBNF. */
export interface GrammarSource {
  readonly schema: string;
  readonly gbnf: string;
}

const mostChoiceBytes = 256 * 1024;

/** The grammar of an answer; undefined for any text. Throws `invalid_request` with the `param` of what cannot be kept. */
export function grammarSource(format: AnswerFormat): GrammarSource | undefined {
  switch (format.type) {
    case 'text':
      return undefined;
    case 'json-object':
      return { schema: '{"type":"object"}', gbnf: '' };
    case 'json-schema': {
      const { schema, rules } = compileSchema(format.schema, format.param ?? 'response_format');
      return { schema: JSON.stringify(schema), gbnf: rules };
    }
    case 'regex':
      return { schema: '', gbnf: `root ::= ${regexRule(format.pattern, format.param ?? 'regex')}\n` };
    case 'choice':
      return { schema: '', gbnf: `root ::= ${choiceRule(format.choices, format.param ?? 'choice')}\n` };
    case 'gbnf':
    default:
      return { schema: '', gbnf: format.grammar };
  }
}

function regexRule(pattern: string, param: string): string {
  try {
    return patternRule(pattern, { inJson: false, whole: true, anyCharacter: '[^\\x00]' }).gbnf;
  } catch (error) {
    if (error instanceof UnsupportedPattern)
      refuse(param, `The regular expression is not supported: ${error.message}.`);
    throw error;
  }
}

function choiceRule(choices: readonly string[], param: string): string {
  if (choices.length === 0) refuse(param, 'There has to be at least one choice.');
  const empty = choices.indexOf('');
  if (empty >= 0) refuse(memberOf(param, empty), 'A choice must not be empty.');
  const bytes = choices.reduce((sum, choice) => sum + choice.length, 0);
  if (bytes > mostChoiceBytes) refuse(param, `The choices have more than ${mostChoiceBytes / 1024} kB together.`);
  return anyOf(choices.map((choice) => literal(choice)));
}
