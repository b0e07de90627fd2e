import { isAbsolute, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isCodedError, messageOf, VserveError } from '../errors/index.ts';
import type { Backend } from './backend.ts';
import { specificationVersion } from './specification-version.ts';

/** The backends that come with vserve, each loaded only when it is asked for. */
const builtIn: Readonly<Record<string, URL>> = {
  'node-llama-cpp': new URL('../../backends/node-llama-cpp/index.js', import.meta.url),
  echo: new URL('../../backends/echo/index.js', import.meta.url),
  openai: new URL('../../backends/openai/index.js', import.meta.url),
};

/**
 * Finds a backend by its name, or by the path or package name of a module whose default export is a `Backend`. Paths and
 * packages are looked up from the current folder; packages also beside vserve. Throws `backend_not_found`, and `backend_incompatible` for another version of the
 * specification.
 */
export async function findBackend(nameOrModule: string): Promise<Backend> {
  const exported = await importDefault(nameOrModule);
  if (!isBackend(exported)) {
    throw new VserveError(
      'backend_not_found',
      `"${nameOrModule}" is not a backend: its default export needs a "name" and a "load" function.`,
    );
  }
  requireVersion(exported, nameOrModule);
  return exported;
}

async function importDefault(nameOrModule: string): Promise<unknown> {
  try {
    const url = builtIn[nameOrModule]?.href ?? (await locate(nameOrModule));
    return ((await import(url)) as { default?: unknown }).default;
  } catch (cause) {
    if (isCodedError(cause)) throw cause;
    throw new VserveError(
      'backend_not_found',
      `The backend "${nameOrModule}" could not be loaded: ${messageOf(cause)}\nUse one of ${Object.keys(builtIn).join(', ')}, or a module whose default export is a backend.`,
      { cause },
    );
  }
}

async function locate(pathOrPackage: string): Promise<string> {
  if (pathOrPackage.startsWith('.') || isAbsolute(pathOrPackage)) return pathToFileURL(resolve(pathOrPackage)).href;
  // Only here: `import.meta.resolve` takes no parent, and nothing else needs this module.
  const { resolve: resolveFrom } = await import('import-meta-resolve');
  try {
    return resolveFrom(pathOrPackage, pathToFileURL(join(process.cwd(), 'vserve')).href);
  } catch {
    return resolveFrom(pathOrPackage, import.meta.url);
  }
}

/** Throws `backend_incompatible`. */
function requireVersion({ specificationVersion: declared }: { specificationVersion?: unknown }, name: string): void {
  if (declared === specificationVersion) return;
  const ours = String(specificationVersion);
  const isNewer = typeof declared === 'number' && declared > specificationVersion;
  const theirs =
    declared === undefined
      ? 'declares no version of the backend specification'
      : `was written for version ${JSON.stringify(declared) ?? typeof declared} of the backend specification`;
  const advice = isNewer
    ? 'Update vserve, or install an older version of the backend.'
    : `Install a newer version of the backend; its author declares "specificationVersion: ${ours}" once it meets the types of vserve/backend.`;
  throw new VserveError(
    'backend_incompatible',
    `The backend "${name}" ${theirs}, and this vserve has version ${ours}. ${advice}`,
  );
}

function isBackend(value: unknown): value is Backend {
  return (
    typeof value === 'object' &&
    value !== null &&
    'name' in value &&
    typeof value.name === 'string' &&
    'load' in value &&
    typeof value.load === 'function'
  );
}
