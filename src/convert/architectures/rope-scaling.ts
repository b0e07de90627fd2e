import { VserveError } from '../../errors/index.ts';
import { float32, int32Array, string, uint32 } from '../gguf/key-values.ts';
import type { GgufValue } from '../gguf/key-values.ts';
import type { Rope } from './rope.ts';

/** The architectures of GGUF files whose rotary embedding llama.cpp divides by factors of its own for each frequency. */
const withFactors: readonly string[] = ['llama', 'llama4', 'mistral3', 'granite'];
/** Those that weigh attention by `mscale_all_dim`. */
const withMscale: readonly string[] = ['mistral3'];

/**
 * Writes the rotary embedding of a text model: its base, how it is scaled to longer contexts, and how it is divided among
 * time, height and width. Scaling of the kind `llama3` is a tensor (`llama3RopeFactors`); `dynamic` begins beyond the
 * context that the model has.
 *
 * @param set writes a key, whose name it gives the architecture
 *
 * Throws `checkpoint_invalid` for scaling that llama.cpp does not have for the architecture.
 */
export function writeRope(
  set: (key: string, value: GgufValue | undefined) => void,
  architecture: string,
  rope: Rope,
): void {
  checkScaling(architecture, rope);
  const kind = rope.rope_type ?? rope.type;
  if (kind === 'linear' || kind === 'yarn') {
    set('rope.scaling.type', string(kind));
    set('rope.scaling.factor', known(rope.factor, float32));
  }
  if (kind === 'yarn') {
    set('rope.scaling.original_context_length', known(rope.original_max_position_embeddings, uint32));
    set('rope.scaling.yarn_ext_factor', known(rope.extrapolation_factor, float32));
    set('rope.scaling.yarn_attn_factor', known(rope.attention_factor ?? rope.attn_factor, float32));
    set('rope.scaling.yarn_beta_fast', known(rope.beta_fast, float32));
    set('rope.scaling.yarn_beta_slow', known(rope.beta_slow, float32));
  }
  const { mrope_section: sections } = rope;
  if (sections) set('rope.dimension_sections', int32Array([...sections, 0, 0, 0, 0].slice(0, 4)));
  set('rope.freq_base', known(rope.rope_theta, float32));
}

/** Throws `checkpoint_invalid`. */
function checkScaling(architecture: string, rope: Rope): void {
  const kind = rope.rope_type ?? rope.type ?? 'default';
  const isFor = (architectures: readonly string[]): boolean => architectures.includes(architecture);
  if (kind === 'llama3' && !isFor(withFactors)) refuse(architecture, 'of type "llama3"', only(withFactors));
  if (kind === 'longrope')
    refuse(architecture, 'of type "longrope"', 'its factors for long and short contexts would be lost');
  if (kind === 'proportional') refuse(architecture, 'of type "proportional"', only(['gemma4']));
  if (kind === 'dynamic' && isSet(rope.alpha))
    refuse(architecture, 'with an alpha', only(['hunyuan-dense', 'hunyuan-moe']));
  if (kind !== 'linear' && kind !== 'yarn') return;
  if (!isSet(rope.factor))
    refuse(architecture, `of type "${kind}" without a factor`, 'there is nothing to scale it by');
  if (kind === 'linear') return;
  if (rope.truncate === false) refuse(architecture, 'with "truncate": false', only(['gpt-oss']));
  const hasMscale = Boolean(rope.mscale) && Boolean(rope.mscale_all_dim) && !isSet(rope.attention_factor);
  if (hasMscale && !isFor(withMscale)) refuse(architecture, 'with mscale and mscale_all_dim', only(withMscale));
}

function only(architectures: readonly string[]): string {
  return `llama.cpp has it only for ${architectures.join(', ')}`;
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function refuse(architecture: string, what: string, reason: string): never {
  const message = `config.json cannot be converted. rope_scaling (or rope_parameters): a rotary embedding scaled ${what} cannot be had for the architecture ${architecture}: ${reason}. The model's answers would be wrong without it.`;
  throw new VserveError('checkpoint_invalid', message);
}

function known(value: number | null | undefined, make: (value: number) => GgufValue): GgufValue | undefined {
  return typeof value === 'number' ? make(value) : undefined;
}
