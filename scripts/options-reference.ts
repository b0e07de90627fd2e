/**
 * Updates the list of options in docs/options.md from the table of settings. After changing one, run
 *
 *     npm run docs
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { scriptArguments } from './arguments.ts';
import { withGeneratedPart } from './generated-part.ts';
import { showValue } from '../src/cli/configuration.ts';
import { defaultOf, groups, options, settingNames } from '../src/settings/index.ts';
import type { Option } from '../src/settings/index.ts';

/** docs/options.md with all options, by their groups. Throws if their place is not marked. */
export function withOptions(document: string): string {
  const all = settingNames.map((name): Option<unknown> => options[name]);
  const sections = groups.map((group) => {
    const rows = all.filter((option) => option.group === group).map(rowOf);
    return [`### ${group}`, '', '| option | environment | default | |', '|---|---|---|---|', ...rows].join('\n');
  });
  return withGeneratedPart(document, 'options', sections.join('\n\n'));
}

function rowOf(option: Option<unknown>): string {
  const { environment, environmentAliases = [], help, kind } = option;
  const variables = environment === undefined ? [] : [environment, ...environmentAliases];
  const values = kind.values === undefined ? [] : [kind.values.map(asCode).join(', ')];
  const cells = [
    flagsOf(option),
    variables.map(asCode).join(', '),
    defaultTextOf(option),
    [help, ...values].join(': '),
  ];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function flagsOf({ flags: [first, ...aliases], kind, argument }: Option<unknown>): string {
  if (first === undefined) return '';
  const name = kind.form === 'switch' ? `\`--${first}\`, \`--no-${first}\`` : `\`--${first} <${argument ?? 'value'}>\``;
  return [name, ...aliases.map((alias) => `\`--${alias}\``)].join(', ');
}

/** A default that is computed may be another on another machine: the help prints it. */
function defaultTextOf(option: Option<unknown>): string {
  if (option.defaultText !== undefined) return option.defaultText;
  if (typeof option.default === 'function') return 'printed by `--help`';
  const standard = defaultOf(option, {});
  return standard === undefined ? '' : showValue(standard, option.kind);
}

function asCode(text: string): string {
  return `\`${text}\``;
}

if (process.argv[1] === import.meta.filename) {
  scriptArguments({});
  const path = join(import.meta.dirname, '..', '..', 'docs', 'options.md');
  await writeFile(path, withOptions(await readFile(path, 'utf8')));
}
