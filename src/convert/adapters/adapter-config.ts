import { z } from 'zod';
import { VserveError } from '../../errors/index.ts';
import type { CheckpointFolder } from '../checkpoint/checkpoint-folder.ts';
import { parseConfig } from '../checkpoint/parse-config.ts';

export const adapterConfigFile = 'adapter_config.json';

const flag = z.boolean().nullish();
const pattern = z.record(z.string(), z.number()).nullish();

/** PEFT's LoraConfig, as far as it decides what an adapter computes. */
const schema = z.looseObject({
  peft_type: z.string().default('LORA'),
  base_model_name_or_path: z.string().nullish(),
  lora_alpha: z.number().positive(),
  alpha_pattern: pattern,
  use_rslora: flag,
  use_dora: flag,
  use_qalora: flag,
  lora_bias: flag,
  init_lora_weights: z.union([z.boolean(), z.string()]).nullish(),
  layer_replication: z.array(z.unknown()).nullish(),
  target_parameters: z.array(z.unknown()).nullish(),
  trainable_token_indices: z.unknown().optional(),
  alora_invocation_tokens: z.array(z.unknown()).nullish(),
});

/** What vserve follows of PEFT's settings of an adapter. The tensors themselves tell which layers it changes, and their ranks. */
export interface AdapterConfig {
  readonly baseModel: string | undefined;
  readonly alpha: number;
  /** What the product of a module's matrices is multiplied by. */
  readonly scaleOf: (module: string, rank: number) => number;
}

/** Initializations that change the weights of the base model, too. */
const changesBase = /^(?:pissa|olora|corda|loftq)/i;

/**
 * Reads `adapter_config.json`. `fan_in_fan_out` is for layers that store their matrices transposed, which no supported
 * architecture has: PEFT ignores it for the others.
 *
 * Throws `checkpoint_invalid`, and `unsupported_capability` for what changes more than a product of two matrices.
 */
export async function readAdapterConfig(folder: CheckpointFolder): Promise<AdapterConfig> {
  const config = parseConfig(schema, await folder.json(adapterConfigFile), adapterConfigFile);
  const refused = refusedSetting(config);
  if (refused !== undefined) {
    const message = `${adapterConfigFile} of ${folder.path} says ${refused}. vserve takes LoRA adapters that add the product of two matrices to a weight. Merge the adapter with PEFT's merge_and_unload(), and serve the result.`;
    throw new VserveError('unsupported_capability', message);
  }
  const patterns = Object.entries(config.alpha_pattern ?? {}).map(([key, alpha]) => ({
    matches: moduleKey(key),
    alpha,
  }));
  const alphaOf = (module: string): number =>
    patterns.find(({ matches }) => matches.test(module))?.alpha ?? config.lora_alpha;
  return {
    baseModel: config.base_model_name_or_path ?? undefined,
    alpha: config.lora_alpha,
    scaleOf: (module, rank) => alphaOf(module) / (config.use_rslora === true ? Math.sqrt(rank) : rank),
  };
}

function refusedSetting(config: z.output<typeof schema>): string | undefined {
  const { peft_type: type, init_lora_weights: init, trainable_token_indices: trained } = config;
  if (type !== 'LORA') return `"peft_type": ${JSON.stringify(type)}`;
  const switches = ['use_dora', 'use_qalora', 'lora_bias'] as const;
  const on = switches.find((name) => config[name] === true);
  if (on !== undefined) return `"${on}": true`;
  if (typeof init === 'string' && changesBase.test(init)) return `"init_lora_weights": ${JSON.stringify(init)}`;
  const lists = ['layer_replication', 'target_parameters', 'alora_invocation_tokens'] as const;
  const listed = lists.find((name) => (config[name]?.length ?? 0) > 0);
  if (listed !== undefined) return `"${listed}"`;
  return trained === undefined || trained === null ? undefined : '"trainable_token_indices"';
}

/** A key of a pattern is a regular expression for the end of a module's name. */
function moduleKey(key: string): RegExp {
  try {
    return new RegExp(`^(?:.*\\.)?(?:${key})$`);
  } catch (cause) {
    const message = `${adapterConfigFile}: alpha_pattern has ${JSON.stringify(key)}, which is no regular expression.`;
    throw new VserveError('checkpoint_invalid', message, { cause });
  }
}
