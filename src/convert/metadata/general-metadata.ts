import { basename, resolve } from 'node:path';
import { z } from 'zod';
import type { CheckpointFolder } from '../checkpoint/checkpoint-folder.ts';
import { parseConfig } from '../checkpoint/parse-config.ts';
import { float32, int32, string } from '../gguf/key-values.ts';
import type { KeyValues } from '../gguf/key-values.ts';
import { parseModelName, titleOf } from './model-name.ts';
import type { ModelName } from './model-name.ts';
import { sizeLabel } from './size-label.ts';
import type { ParameterCount } from './size-label.ts';

const integer = z.int32().nullish();
const number = z.number().nullish();

/** The sampling settings of generation_config.json that GGUF has keys for. */
const samplingSchema = z.looseObject({
  top_k: integer,
  top_p: number,
  min_p: number,
  xtc_probability: number,
  xtc_threshold: number,
  temperature: number,
  penalty_last_n: integer,
  penalty_repeat: number,
  repetition_penalty: number,
  mirostat: integer,
  mirostat_tau: number,
  mirostat_eta: number,
});

/**
 * Writes `general.sampling.*` from generation_config.json, then what the model's name says: `general.name`, version,
 * organization, finetune, basename and size label, in the order of gguf-py's `Metadata`. The name is `modelName`, or
 * `_name_or_path` of config.json where that is a repository's id, or the folder's. A model card is not read.
 *
 * @param parameters how many the file's tensors have
 * Throws `checkpoint_invalid`.
 */
export async function writeGeneralMetadata(
  keyValues: KeyValues,
  folder: CheckpointFolder,
  parameters: ParameterCount,
  modelName: string | undefined,
): Promise<void> {
  const generation = (await folder.optionalJson('generation_config.json')) ?? {};
  writeSampling(keyValues, parseConfig(samplingSchema, generation, 'generation_config.json'));

  const { _name_or_path: nameOrPath } = await folder.json('config.json');
  const isRepository = typeof nameOrPath === 'string' && nameOrPath.split('/').length <= 2;
  const names = [isRepository ? nameOrPath : undefined, modelName ?? basename(resolve(folder.path))];
  const label = parameters.total > 0 ? sizeLabel(parameters) : undefined;
  writeModelNames(
    keyValues,
    names.filter((name) => name !== undefined),
    parameters.total,
    label,
  );
}

/**
 * Writes what a model's names say of it; of each part, the first name that has it counts.
 *
 * @param parameterCount 0 where it is not known
 */
export function writeModelNames(
  keyValues: KeyValues,
  given: readonly string[],
  parameterCount: number,
  label?: string,
): void {
  const names = given.map((name) => parseModelName(name, parameterCount));
  const first = (part: keyof ModelName): string | undefined => names.find((name) => name[part] !== undefined)?.[part];
  const set = (key: string, value: string | undefined): void => {
    keyValues.set(`general.${key}`, value === undefined ? undefined : string(value));
  };
  set('name', titled(first('name')));
  set('version', first('version'));
  set('organization', titled(first('organization')));
  set('finetune', first('finetune'));
  set('basename', first('basename'));
  set('size_label', first('sizeLabel') ?? label);
}

function titled(name: string | undefined): string | undefined {
  return name === undefined ? undefined : titleOf(name);
}

function writeSampling(keyValues: KeyValues, settings: z.output<typeof samplingSchema>): void {
  const set = (key: string, value: number | null | undefined, make: typeof int32): void => {
    if (typeof value === 'number') keyValues.set(`general.sampling.${key}`, make(value));
  };
  set('top_k', settings.top_k, int32);
  set('top_p', settings.top_p, float32);
  set('min_p', settings.min_p, float32);
  set('xtc_probability', settings.xtc_probability, float32);
  set('xtc_threshold', settings.xtc_threshold, float32);
  set('temp', settings.temperature, float32);
  set('penalty_last_n', settings.penalty_last_n, int32);
  const repeat = settings.penalty_repeat === undefined ? settings.repetition_penalty : settings.penalty_repeat;
  set('penalty_repeat', repeat, float32);
  set('mirostat', settings.mirostat, int32);
  set('mirostat_tau', settings.mirostat_tau, float32);
  set('mirostat_eta', settings.mirostat_eta, float32);
}
