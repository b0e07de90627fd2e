import { isAbsolute, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { VserveError } from '../errors/index.ts';
import type { Backend } from './backend.ts';

/** The backends that come with vserve, each loaded only when it is asked for. */
const builtIn: Readonly<Record<string, URL>> = {
  'node-llama-cpp': new URL('../../backends/node-llama-cpp/index.js', import.meta.url),
  echo: new URL('../../backends/echo/index.js', import.meta.url),
};

/**
 * Finds a backend by its name, or by the path or package name of a module whose default export is a `Backend`.
 * Throws `backend_not_found`.
 */
export async function findBackend(nameOrModule: string): Promise<Backend> {
  const isPath = nameOrModule.startsWith('.') || isAbsolute(nameOrModule);
  const specifier = builtIn[nameOrModule]?.href ?? (isPath ? pathToFileURL(resolve(nameOrModule)).href : nameOrModule);
  let module: { default?: unknown };
  try {
    module = (await import(specifier)) as { default?: unknown };
  } catch (cause) {
    if (cause instanceof VserveError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new VserveError(
      'backend_not_found',
      `The backend "${nameOrModule}" could not be loaded: ${reason}\nIt must be one of ${Object.keys(builtIn).join(', ')}, or a module whose default export is a backend.`,
      { cause },
    );
  }
  if (!isBackend(module.default)) {
    throw new VserveError(
      'backend_not_found',
      `"${nameOrModule}" is not a backend: its default export needs a "name" and a "load" function.`,
    );
  }
  return module.default;
}

function isBackend(value: unknown): value is Backend {
  return (
    typeof value === 'object' &&
    value !== null &&
    'name' in value &&
    'load' in value &&
    typeof value.load === 'function'
  );
}
