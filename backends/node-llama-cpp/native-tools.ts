import type { Tool, ToolSettings } from '../../src/backend/index.ts';
import type { NativeTool } from './native-addon.ts';
import type { ArgumentsFormat, CompiledFormat, GrammarSource } from './schema/answer-source.ts';
import { refuse } from './schema/refuse.ts';

const noSource: GrammarSource = { schema: '', gbnf: '' };

/**
 * The formats that the arguments of tools have, of those that may be called and say something about them. `quote`: of the
 * strings in the model's calls; empty where they are JSON, or text between tags.
 */
export function formatsOfTools(
  { tools = [], choice = 'auto' }: Partial<ToolSettings> = {},
  quote = '',
): readonly CompiledFormat[] {
  const quoted = quote === '' ? {} : { quote };
  return tools.flatMap((tool, index) => {
    const format = formatOf(tool, index, choice);
    return format === undefined ? [] : [{ ...format, ...quoted }];
  });
}

function formatOf(tool: Tool, index: number, choice: ToolSettings['choice']): ArgumentsFormat | undefined {
  const { parameters, param = `tools[${index}].function` } = tool;
  const { parametersParam = `${param}.parameters` } = tool;
  if (choice === 'none' || parameters === undefined || JSON.stringify(parameters) === '{}') return undefined;
  return { type: 'arguments', schema: parameters, param: parametersParam };
}

/** `sources`: of their formats, in that order. Throws `invalid_request` for arguments that are not listed. */
export function toNativeTools(asked: Partial<ToolSettings>, sources: readonly GrammarSource[]): readonly NativeTool[] {
  const { tools = [], choice = 'auto' } = asked;
  const rest = [...sources];
  return tools.map((tool, index) => {
    const { name, description, parameters } = tool;
    const format = formatOf(tool, index, choice);
    const source = format === undefined ? noSource : (rest.shift() ?? noSource);
    if (source.hasNameForms === true)
      refuse(
        format?.param ?? '',
        'The arguments of a tool have to be listed: put what has other names into one of them.',
      );
    // The names of the rules begin with a word that is nowhere else. Each tool has one of its own.
    const word = /^[a-z]+/.exec(source.gbnf)?.[0] ?? '';
    const named = (lines: string): string => (word === '' ? lines : lines.replaceAll(word, `${word}${letters(index)}`));
    return {
      name,
      description,
      parameters: parameters === undefined ? '' : JSON.stringify(parameters),
      schema: named(source.schema),
      rules: named(source.gbnf),
      argumentTexts: (source.argumentTexts ?? []).map((text) => ({ ...text, gbnf: named(text.gbnf) })),
      quotedValues: (source.quotedValues ?? []).map(({ name, gbnf }) => ({ name: named(name), gbnf: named(gbnf) })),
    };
  });
}

/** Another word for each number. */
function letters(number: number): string {
  return Array.from(String(number), (digit) => 'abcdefghij'[Number(digit)]).join('');
}
