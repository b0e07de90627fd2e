import { z } from 'zod';
import { VserveError } from '../../errors/index.ts';
import { isJsonObject } from '../checkpoint/checkpoint-folder.ts';
import type { CheckpointFolder, JsonObject } from '../checkpoint/checkpoint-folder.ts';
import { parseConfig, size } from '../checkpoint/parse-config.ts';

/** How the numbers of a checkpoint whose tensors were made smaller become what they were: by a factor for each block. */
export interface Quantization {
  /** The name of the tensor that one of this name scales; undefined where it is no scale. */
  readonly weightOf: (name: string) => string | undefined;
  /** Whether a tensor scales activations or caches. */
  readonly isUnused: (name: string) => boolean;
  /** How many elements of each of the last axes share a number; undefined where the shapes alone tell. */
  readonly blocks: readonly number[] | undefined;
}

const blockSizes = z.array(size).min(1).max(8);
const fp8Schema = z.looseObject({ weight_block_size: blockSizes.nullish() });
const compressedSchema = z.looseObject({
  format: z.string(),
  config_groups: z.record(
    z.string(),
    z.looseObject({
      weights: z.looseObject({
        strategy: z.string().nullish(),
        group_size: z.int().nullish(),
        symmetric: z.boolean().nullish(),
        block_structure: blockSizes.nullish(),
      }),
    }),
  ),
});
const modelOptSchema = z.looseObject({ quant_algo: z.string().nullish() });

const ending =
  (suffix: RegExp, replacement: string) =>
  (name: string): string | undefined =>
    suffix.test(name) ? name.replace(suffix, replacement) : undefined;

/**
 * Reads how a checkpoint was quantized: `fp8` (DeepSeek's blocks, and Mistral's single scales), the formats of
 * `compressed-tensors` with a number for each channel, block or tensor, and FP8 of `modelopt`, as convert_hf_to_gguf.py
 * does (`dequant_model`). Undefined for one that was not.
 *
 * @throws VserveError `checkpoint_invalid`, which names a method that cannot be undone
 */
export async function readQuantization(
  folder: CheckpointFolder,
  config: JsonObject,
): Promise<Quantization | undefined> {
  return quantizationOf(settingsIn(config) ?? (await modelOptSettings(folder)));
}

/**
 * Refuses a checkpoint by its config.json alone, before its weights are there.
 *
 * @throws VserveError as `readQuantization`
 */
export function checkQuantization(config: JsonObject): void {
  quantizationOf(settingsIn(config));
}

function settingsIn(config: JsonObject): unknown {
  const ofText = isJsonObject(config.text_config) ? config.text_config.quantization_config : undefined;
  return ofText ?? config.quantization_config ?? undefined;
}

function quantizationOf(settings: unknown): Quantization | undefined {
  if (settings === undefined) return undefined;
  const method = isJsonObject(settings) ? settings.quant_method : undefined;
  const where = 'config.json: quantization_config';
  if (method === 'fp8') {
    const { weight_block_size: blocks } = parseConfig(fp8Schema, settings, where);
    return {
      weightOf: ending(/_scale_inv$/, ''),
      isUnused: (name) => /[._]activation_scale$/.test(name),
      blocks: blocks ?? undefined,
    };
  }
  if (method === 'compressed-tensors') return readCompressed(settings, where);
  const { quant_algo: algorithm } = parseConfig(modelOptSchema, isJsonObject(settings) ? settings : {}, where);
  if (method === 'modelopt' && (algorithm === 'FP8' || algorithm === undefined || algorithm === null)) {
    return { weightOf: ending(/\.weight_scale$/, '.weight'), isUnused: isActivation, blocks: undefined };
  }
  throw refusal([method, algorithm]);
}

const isActivation = (name: string): boolean => /\.(?:input|output|k|v)_scale$/.test(name);

function readCompressed(settings: unknown, where: string): Quantization {
  const { format, config_groups: groups } = parseConfig(compressedSchema, settings, where);
  const [group, ...others] = Object.values(groups);
  const { strategy, group_size: groupSize, block_structure: blocks } = group?.weights ?? {};
  const isKnown = ['float-quantized', 'int-quantized', 'naive-quantized'].includes(format);
  const isScaled = typeof strategy === 'string' && ['channel', 'block', 'tensor'].includes(strategy);
  if (!isKnown || others.length > 0 || !isScaled || typeof groupSize === 'number') {
    throw refusal(['compressed-tensors', format, ...(others.length > 0 ? ['several groups'] : [strategy])]);
  }
  if ((strategy === 'block') !== Array.isArray(blocks)) throw refusal(['compressed-tensors', format, 'blocks']);
  return { weightOf: ending(/\.weight_scale$/, '.weight'), isUnused: isActivation, blocks: blocks ?? undefined };
}

/** NVIDIA's older exports keep their settings in a file of their own. */
async function modelOptSettings(folder: CheckpointFolder): Promise<JsonObject | undefined> {
  const file = await folder.optionalJson('hf_quant_config.json');
  if (file === undefined) return undefined;
  const producer = isJsonObject(file.producer) ? file.producer.name : undefined;
  const settings = isJsonObject(file.quantization) ? file.quantization : {};
  return { quant_method: typeof producer === 'string' ? producer.toLowerCase() : undefined, ...settings };
}

function refusal(found: readonly unknown[]): VserveError {
  const named = found.filter((part) => part !== undefined && part !== null).map((part) => JSON.stringify(part));
  const how = named.length > 0 ? named.join(', ') : 'unknown';
  const message = `The checkpoint is already quantized (${how}), and of such only FP8, and 8 bits with a scale for each channel, block or tensor, can be converted. Take the one it was made from; --converter llama.cpp may know it too.`;
  return new VserveError('checkpoint_invalid', message);
}
