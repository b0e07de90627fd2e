import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileFault, VserveError } from '../../errors/index.ts';
import { baseModelOf } from '../../formats/model-card.ts';
import { parsePythonJson } from '../../formats/python-json.ts';

/** What PEFT saves as an adapter. */
export const adapterFiles = ['adapter_config.json', 'adapter_model.safetensors'] as const;

/** The base model of an adapter, as its configuration names it, else its card. Throws `checkpoint_invalid`. */
export async function baseOfAdapter(folder: string): Promise<string> {
  const [configFile] = adapterFiles;
  let config: unknown;
  try {
    config = parsePythonJson(await readFile(join(folder, configFile), 'utf8'));
  } catch (cause) {
    const message = `${configFile} of ${folder} cannot be read: ${fileFault(cause)}`;
    throw new VserveError('checkpoint_invalid', message, { cause });
  }
  const named =
    typeof config === 'object' && config !== null && 'base_model_name_or_path' in config
      ? config.base_model_name_or_path
      : undefined;
  if (typeof named === 'string' && named !== '') return named;
  const ofCard = await baseModelOf(await readFile(join(folder, 'README.md'), 'utf8').catch(() => ''));
  if (ofCard !== undefined) return ofCard;
  const message = `${configFile} of ${folder} does not say which model it is for: write its path or Hugging Face id there, under base_model_name_or_path.`;
  throw new VserveError('checkpoint_invalid', message);
}

/**
 * Trainers that quantize a model to four bits name the quantized copy as the base, whose weights no converter can use: the
 * repository that it was made from.
 */
export function unquantizedBase(id: string): string {
  return id.replace(/(?:-unsloth)?-bnb-4bit$/, '');
}
