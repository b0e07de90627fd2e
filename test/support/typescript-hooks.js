import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { transform } from 'rolldown/utils';

/** A module loader hook (node:module) that strips the types from `.ts` files. */
export async function load(url, context, nextLoad) {
  if (!url.endsWith('.ts')) return nextLoad(url, context);
  const path = fileURLToPath(url);
  const { code, errors } = await transform(path, await readFile(path, 'utf8'));
  if (errors.length > 0) throw new SyntaxError(`${path}: ${errors[0]?.message}`);
  return { format: 'module', source: code, shortCircuit: true };
}
