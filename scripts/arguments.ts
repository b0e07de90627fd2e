import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { ParseArgsConfig } from 'node:util';
import { messageOf } from '../src/errors/index.ts';

/**
 * Parses the arguments of the running script. `--help` prints the script's leading comment and exits; invalid arguments
 * exit with code 2.
 */
export function scriptArguments<const Config extends ParseArgsConfig>(
  config: Config,
): ReturnType<typeof parseArgs<Config>> {
  if (process.argv.slice(2).some((argument) => argument === '--help' || argument === '-h')) {
    console.log(usage());
    process.exit(0);
  }
  try {
    return parseArgs(config);
  } catch (error) {
    return usageError(messageOf(error));
  }
}

/** Exits with code 2 after printing what is wrong with the arguments, and the usage. */
export function usageError(message: string): never {
  console.error(`${message}\n\n${usage()}`);
  process.exit(2);
}

/** The script's leading comment. */
function usage(): string {
  const [, comment = ''] = /^\/\*\*([^]*?)\*\//.exec(readFileSync(process.argv[1] ?? '', 'utf8')) ?? [];
  return comment.replaceAll(/^ \* ?/gm, '').trim();
}
