import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { ParseArgsConfig } from 'node:util';
import { messageOf } from '../src/errors/index.ts';

/**
 * Reads the arguments of the script that runs. With `--help` the comment that it begins with is printed, and the process
 * ends; with arguments that it does not take, it ends with exit code 2.
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

/** Ends the process with exit code 2: says what is wrong with the arguments, and what the script takes. */
export function usageError(message: string): never {
  console.error(`${message}\n\n${usage()}`);
  process.exit(2);
}

/** The comment that the script begins with. */
function usage(): string {
  const [, comment = ''] = /^\/\*\*([^]*?)\*\//.exec(readFileSync(process.argv[1] ?? '', 'utf8')) ?? [];
  return comment.replaceAll(/^ \* ?/gm, '').trim();
}
