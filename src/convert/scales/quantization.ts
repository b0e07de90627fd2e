import { z } from 'zod';
import { VserveError } from '../../errors/index.ts';
import { isJsonObject } from '../checkpoint/checkpoint-folder.ts';
import type { CheckpointFolder, JsonObject } from '../checkpoint/checkpoint-folder.ts';
import { parseConfig, size } from '../checkpoint/parse-config.ts';

/** How to undo a checkpoint's quantization: each block of elements has a factor. */
export interface Quantization {
  /** The name of the tensor that one of this name scales; undefined where it is no scale. */
  readonly weightOf: (name: string) => string | undefined;
  /** Whether a tensor scales activations or caches. */
  readonly isUnused: (name: string) => boolean;
  /** How many elements of each of the last axes share a factor; undefined where it follows from the shapes. */
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
 * Throws `checkpoint_invalid`, which names a method that cannot be undone.
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
  const mlx = mlxSettings(config);
  if (mlx !== undefined) {
    throw refusal(['mlx', bitsOf(mlx), typeof mlx.group_size === 'number' ? `groups of ${mlx.group_size}` : undefined]);
  }
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
  throw refusal([method, algorithm, isJsonObject(settings) ? bitsOf(settings) : undefined]);
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

/** Methods by their `quant_method`, as their users call them. llama.cpp's converter knows those with `elsewhere`. */
const methods: Readonly<Record<string, { readonly name: string; readonly elsewhere?: true }>> = {
  awq: { name: 'AWQ' },
  bitnet: { name: 'BitNet', elsewhere: true },
  bitsandbytes: { name: 'bitsandbytes' },
  'compressed-tensors': { name: 'compressed-tensors', elsewhere: true },
  gptq: { name: 'GPTQ', elsewhere: true },
  mlx: { name: 'MLX' },
  modelopt: { name: 'ModelOpt', elsewhere: true },
};

function refusal([method, ...details]: readonly unknown[]): VserveError {
  const known = typeof method === 'string' && Object.hasOwn(methods, method) ? methods[method] : undefined;
  const name = known?.name ?? (typeof method === 'string' ? JSON.stringify(method) : 'unknown method');
  const told = details.filter((part) => part !== undefined && part !== null);
  const how = [name, ...told.map((part) => (typeof part === 'string' ? part : JSON.stringify(part)))].join(', ');
  const other = known === undefined || known.elsewhere ? ' --converter llama.cpp may know it.' : '';
  const message = `The checkpoint is already quantized (${how}). Convert the original, which its model card names as base_model; --quantization-encoding q4_k_m makes it as small.${other} Of quantized checkpoints, FP8 and 8 bits with a scale for each channel, block or tensor can be converted.`;
  return new VserveError('checkpoint_invalid', message);
}

/** MLX has settings of its own beside, or in place of, those of transformers. */
function mlxSettings(config: JsonObject): JsonObject | undefined {
  const own = config.quantization;
  return isJsonObject(own) && typeof own.bits === 'number' ? own : undefined;
}

function bitsOf(settings: JsonObject): string | undefined {
  const bits = settings.bits ?? settings.w_bit;
  if (typeof bits === 'number') return `${bits} bits`;
  if (settings.load_in_4bit === true) return '4 bits';
  return settings.load_in_8bit === true ? '8 bits' : undefined;
}
