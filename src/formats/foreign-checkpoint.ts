import { VserveError } from '../errors/index.ts';
import { isRepositoryName } from './model-card.ts';

type JsonObject = Readonly<Record<string, unknown>>;

/** Whether files are those of an adapter without a model: PEFT's configuration, but no weights of a model. */
export function isAdapter(names: readonly string[]): boolean {
  const hasModel = names.some((name) => /^(model|consolidated)[^/]*\.safetensors$|\.gguf$/i.test(name));
  return names.includes('adapter_config.json') && !hasModel;
}

/** The error for a PEFT adapter: it names the base model, from its configuration or its card. */
export function adapterError(where: string, config: JsonObject, cardBase: string | undefined): VserveError {
  const { peft_type: method = 'LORA' } = config;
  const type = method === 'LORA' || typeof method !== 'string' ? 'LoRA' : method;
  const named = config.base_model_name_or_path;
  const base = isRepositoryName(named) ? named : cardBase;
  const of = base === undefined ? 'another model' : base;
  const advice = `Serve it beside that model: --model ${base ?? 'org/name'} --lora-paths name=${where}. Or download it, and give --model its folder, which merges the two.`;
  return new VserveError(
    'model_unavailable',
    `${where} is not a model but an adapter (PEFT, ${type}) for ${of}. ${advice}`,
    {
      param: 'model',
    },
  );
}

/** Bits of the weights of a checkpoint that was quantized for MLX; undefined for any other checkpoint. */
export function mlxBits(config: JsonObject): number | undefined {
  for (const settings of [config.quantization, config.quantization_config]) {
    if (typeof settings !== 'object' || settings === null || 'quant_method' in settings) continue;
    if (!('bits' in settings) || !('group_size' in settings)) continue;
    if (typeof settings.bits === 'number' && typeof settings.group_size === 'number') return settings.bits;
  }
  return undefined;
}

/** The error for an MLX checkpoint: it names the original, if known. */
export function mlxError(where: string, bits: number, cardBase: string | undefined): VserveError {
  const original = cardBase === undefined ? 'the checkpoint it was made from, which its model card names' : cardBase;
  return new VserveError(
    'checkpoint_invalid',
    `${where} is a checkpoint for Apple's MLX, quantized to ${bits} bits in a format that only MLX reads. Serve the original instead: ${original}.`,
    { param: 'model' },
  );
}
