import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { VserveError } from '../../errors/index.ts';
import { nearestNames } from '../architectures/nearest-names.ts';
import { isJsonObject } from '../checkpoint/checkpoint-folder.ts';
import type { JsonObject } from '../checkpoint/checkpoint-folder.ts';

/** The table of text models in llama.cpp's converter, from the names in config.json to its modules. */
const table = /^TEXT_MODEL_MAP\b[^{]*\{([^}]*)\}/m;

/**
 * Refuses a checkpoint of which no name is in the table of llama.cpp's converter, which is read as text: asking the
 * converter itself takes Python and seconds. Where there is no such table any more, or config.json names nothing, only
 * the converter knows.
 *
 * @param converterFolder where the converter was unpacked
 * Throws `architecture_unsupported`.
 */
export async function checkKnown(converterFolder: string, release: string, config: JsonObject): Promise<void> {
  const source = await readFile(join(converterFolder, 'conversion', '__init__.py'), 'utf8').catch(() => '');
  const known = [...(table.exec(source)?.[1] ?? '').matchAll(/"([^"]+)"\s*:/g)].flatMap(([, name]) => name ?? []);
  const names = [config.text_config, config.llm_config, config].flatMap(architecturesOf);
  const [first] = names;
  if (known.length === 0 || first === undefined || names.some((name) => known.includes(name))) return;
  throw unknownArchitecture(first, release, known);
}

/** The error for an architecture that llama.cpp's converter lacks; the nearest of `known` are suggested. */
export function unknownArchitecture(name: string, release: string, known: readonly string[] = []): VserveError {
  const near = nearestNames(name, known);
  const hint = near.length > 0 ? ` The nearest that it has: ${near.join(', ')}.` : '';
  const message = `llama.cpp ${release} does not convert the architecture ${JSON.stringify(name)} either.${hint}`;
  return new VserveError('architecture_unsupported', message);
}

function architecturesOf(config: unknown): string[] {
  if (!isJsonObject(config) || !Array.isArray(config.architectures)) return [];
  const [name] = config.architectures as unknown[];
  return typeof name === 'string' ? [name] : [];
}
