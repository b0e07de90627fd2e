import type { CommandShape, OptionShape } from './command-shape.ts';

/** A script for fish that completes verbs, options with their help, and the values of options. */
export function fishScript(commands: readonly CommandShape[]): string {
  const verbs = commands.flatMap(({ names, summary }) =>
    names.map((name) => `complete -c vserve -n __fish_use_subcommand -f -a ${name} -d ${literal(summary)}`),
  );
  const options = commands.flatMap(({ names, options: own }) => own.map((option) => lineOf(names, option)));
  return ['# Completes vserve in fish: vserve completion fish | source', ...verbs, ...options].join('\n');
}

function lineOf(verbs: readonly string[], { flag, help, value }: OptionShape): string {
  const parts = [
    'complete -c vserve',
    `-n ${literal(`__fish_seen_subcommand_from ${verbs.join(' ')}`)}`,
    `-l ${flag.slice(2)}`,
    ...(value === undefined ? [] : [value.isFile ? '-r' : '-x']),
    ...(value === undefined || value.words.length === 0 ? [] : [`-a ${literal(value.words.join(' '))}`]),
    `-d ${literal(help)}`,
  ];
  return parts.join(' ');
}

function literal(text: string): string {
  return `'${text.replaceAll(/['\\]/g, String.raw`\$&`)}'`;
}
