import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, systemErrorCode } from '../errors/index.ts';
import type { Environment } from './environment.ts';
import type { Option } from './option.ts';
import { options } from './options.ts';
import type { SettingName } from './options.ts';
import { environmentSource, variableOf } from './sources.ts';
import type { Source } from './sources.ts';

const PLACE = ' in .env';

/** The `.env` file of a folder. */
export interface DotEnv {
  readonly variables: Environment;
  /** Why the file was skipped, if it exists but cannot be read. */
  readonly skipped: string | undefined;
}

/** Reads the `.env` file of a folder. One that cannot be read is skipped: it may belong to another program. */
export async function readDotEnv(folder: string): Promise<DotEnv> {
  const path = join(folder, '.env');
  const skip = (reason: string): DotEnv => ({ variables: {}, skipped: `${path} is skipped: ${reason}.` });
  try {
    // Without O_NONBLOCK, opening a FIFO waits for a writer.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      if (!(await file.stat()).isFile()) return skip('it is not a regular file');
      const { parse } = await import('dotenv'); // most folders have no such file
      return { variables: parse(await file.readFile('utf8')), skipped: undefined };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemErrorCode(error) ?? '')) return { variables: {}, skipped: undefined };
    return skip(`it cannot be read (${systemErrorCode(error) ?? messageOf(error)})`);
  }
}

/**
 * A `.env` file as a source of the options that it may set. A repository that someone cloned must not decide where their
 * token goes, or which program runs.
 */
export function dotEnvSource({ variables }: DotEnv): Source {
  const source = environmentSource(variables, PLACE);
  return (name) => (mayBeInDotEnv(name) ? source(name) : []);
}

/** Warnings about a `.env` file and its variables for some options. */
export function dotEnvWarnings({ variables, skipped }: DotEnv, names: readonly SettingName[]): string[] {
  const refused = names.filter((name) => !mayBeInDotEnv(name)).map((name) => variableOf(name, variables));
  return [
    ...(skipped === undefined ? [] : [skipped]),
    ...[...new Set(refused)]
      .filter((variable) => variable !== undefined)
      .map(
        (variable) =>
          `${variable}${PLACE} is ignored: a .env cannot set what runs programs, where the token goes, where models are kept, or what protects the server. Export it instead.`,
      ),
  ];
}

function mayBeInDotEnv(name: SettingName): boolean {
  return (options[name] satisfies Option<unknown> as Option<unknown>).inDotEnv === true;
}
