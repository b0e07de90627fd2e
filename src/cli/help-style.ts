import type { Help, HelpConfiguration, Option } from 'commander';

/** Columns for names in the help; the text of a longer name starts on the next line. */
const NAME_WIDTH = 30;
const INDENT = '  ';

/** The layout of all help texts. */
export function helpStyle(styleTitle: (title: string) => string): HelpConfiguration {
  return { styleTitle, formatItem, padWidth: () => NAME_WIDTH, optionTerm };
}

function formatItem(name: string, _: number, text: string, help: Help): string {
  const textIndent = ' '.repeat(INDENT.length + NAME_WIDTH + INDENT.length);
  const lines = help.boxWrap(text, (help.helpWidth ?? 80) - textIndent.length).split('\n');
  const nameWidth = help.displayWidth(name);
  const first =
    nameWidth > NAME_WIDTH ? `${name}\n${textIndent}` : name + ' '.repeat(NAME_WIDTH - nameWidth + INDENT.length);
  return `${INDENT}${first}${lines.join(`\n${textIndent}`)}`;
}

/** A switch and its opposite are one entry: `--[no-]name`. Only settings have groups. */
function optionTerm(option: Option): string {
  const isSwitch = !option.required && !option.optional && option.short === undefined;
  const isSetting = option.helpGroupHeading !== undefined;
  return isSwitch && isSetting ? option.flags.replace('--', '--[no-]') : option.flags;
}
