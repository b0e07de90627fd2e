import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { pathOf } from '../ask/picture-url.ts';
import { formatTable } from '../table.ts';

/** The commands of a conversation, and what stands behind them. */
export const chatCommands = {
  image: ['<path or URL> [question]', 'Show an image with the next message, or with this question'],
  system: ['[text]', 'Set the system message; without a text, show it; - removes it'],
  reset: ['', 'Forget the conversation; the system message stays'],
  save: ['[path]', 'Write the conversation to a file'],
  load: ['<path>', 'Go on with a conversation that was saved'],
  help: ['', 'List the commands'],
  exit: ['', 'Leave; also Ctrl+D, or Ctrl+C twice'],
} as const satisfies Record<string, readonly [string, string]>;

export type ChatCommand = keyof typeof chatCommands;

/** Other names of commands. */
const aliases: Readonly<Record<string, ChatCommand>> = { bye: 'exit', quit: 'exit', clear: 'reset', '?': 'help' };

/** A line as a command; undefined for anything else. `name` is undefined for a command that there is not. */
export function parseCommand(
  line: string,
): { readonly word: string; readonly name: ChatCommand | undefined; readonly argument: string } | undefined {
  const [, word, argument = ''] = /^\/([a-z?]+)(?:\s+([^]*))?$/.exec(line.trim()) ?? [];
  if (word === undefined) return undefined;
  const name = Object.hasOwn(chatCommands, word) ? (word as ChatCommand) : aliases[word];
  return { word, name, argument: argument.trim() };
}

/** What `/help` prints. */
export function commandHelp(): string {
  const rows = Object.entries(chatCommands).map(([name, [argument, help]]) => [`  /${name} ${argument}`, help]);
  return [
    formatTable(rows),
    '',
    '  The path of a picture in a message shows it, as when a file is dropped here.',
    '  A line that ends with \\ goes on in the next. What is pasted is one message.',
  ].join('\n');
}

/** Completes commands, and paths behind those that take one. */
export function completeCommand(line: string): [string[], string] {
  const [, path] = /^\/(?:image|save|load)\s+(\S*)$/.exec(line) ?? [];
  if (path !== undefined) return [pathsFrom(path), path];
  if (!/^\/\w*$/.test(line)) return [[], line];
  const names = Object.keys(chatCommands).map((name) => `/${name} `);
  return [names.filter((name) => name.startsWith(line)), line];
}

function pathsFrom(begun: string): string[] {
  const isFolder = begun === '' || begun.endsWith('/');
  const folder = isFolder ? begun : begun.slice(0, begun.length - basename(begun).length);
  const start = isFolder ? '' : basename(begun);
  try {
    const entries = readdirSync(folder === '' ? '.' : pathOf(dirname(join(folder, 'x'))), { withFileTypes: true });
    return entries
      .filter(({ name }) => name.startsWith(start) && (start !== '' || !name.startsWith('.')))
      .map((entry) => folder + entry.name.replaceAll(' ', '\\ ') + (entry.isDirectory() ? '/' : ''));
  } catch {
    return [];
  }
}
