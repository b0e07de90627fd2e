import { outtypeTraits } from '../outtype.ts';
import type { FixedOuttype } from '../outtype.ts';
import { ggmlTypes } from '../gguf/ggml-types.ts';
import type { GgmlType } from '../gguf/ggml-types.ts';

/** Small matrices, by GGUF name, that llama.cpp reads in single precision only. */
const alwaysF32 =
  /(?:^|\.)(?:ffn_gate_inp|ffn_gate_inp_shexp|position_embd|token_types|ssm_conv1d|shortconv\.conv)\.weight$/;
/** Of a patch embedding for several frames, each frame's has a name of its own: `v.patch_embd.weight.1`. */
const patchConvolution = /\.(?:patch_embd|patch_merger)\.weight(?:$|\.)/;

/**
 * The type in which a tensor is written: the rules of convert_hf_to_gguf.py (`prepare_tensors`). Vectors, norms,
 * biases and a few small matrices are F32; a matrix whose rows are no whole blocks of the type becomes F16.
 *
 * @param name its name in the GGUF file
 * @param forced the type that the architecture asks for
 */
export function chooseType(
  name: string,
  shape: readonly number[],
  outtype: FixedOuttype,
  forced: 'F16' | 'F32' | undefined,
): GgmlType {
  if (shape.length <= 1 || name.endsWith('_norm.weight')) return 'F32';
  if (forced !== undefined) return forced;
  if (patchConvolution.test(name)) return outtype === 'f16' ? 'F16' : 'F32';
  if (alwaysF32.test(name) || !name.endsWith('.weight')) return 'F32';
  const { type } = outtypeTraits[outtype];
  return (shape.at(-1) ?? 0) % ggmlTypes[type].blockElements === 0 ? type : 'F16';
}
