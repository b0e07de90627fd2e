import { KeyValues, string, uint32 } from '../../src/convert/gguf/key-values.ts';
import { layOut } from '../../src/convert/gguf/layout.ts';

type Values = Readonly<Record<string, string | number>>;

/** The header of a GGUF file with these key-values, and small tensors of these names. */
export function ggufHeader(values: Values, tensorNames: readonly string[] = []): Uint8Array {
  const keyValues = new KeyValues();
  for (const [key, value] of Object.entries(values)) {
    keyValues.set(key, typeof value === 'string' ? string(value) : uint32(value));
  }
  const tensors = tensorNames.map((name) => ({ name, shape: [1], type: 'F32' as const }));
  return layOut(keyValues, [], tensors).header;
}

/** The header of a text model whose KV cache takes 4 bytes for each token and each of its `width`. */
export function modelHeader(family: string, width = 2560): Uint8Array {
  const values = {
    'general.architecture': family,
    'general.type': 'model',
    [`${family}.context_length`]: 32_768,
    [`${family}.embedding_length`]: width,
    [`${family}.block_count`]: 1,
    [`${family}.attention.head_count`]: 1,
  };
  return ggufHeader(values, ['token_embd.weight', 'blk.0.attn_norm.weight']);
}

/** The header of a text model with a draft head of its own. */
export function modelWithDraftHead(family: string): Uint8Array {
  const values = { 'general.architecture': family, [`${family}.nextn_predict_layers`]: 1 };
  return ggufHeader(values, ['blk.0.attn_norm.weight', 'blk.28.nextn.eh_proj.weight']);
}

/** The header of a head that only drafts for a model of this family. */
export function draftHeadHeader(family: string): Uint8Array {
  const values = { 'general.architecture': family, 'general.type': 'model', [`${family}.nextn_predict_layers`]: 1 };
  return ggufHeader(values, ['token_embd.weight', 'blk.28.nextn.eh_proj.weight']);
}

/** The header of a projector to embeddings of a width. */
export function projectorHeader(width: number): Uint8Array {
  return ggufHeader({
    'general.architecture': 'clip',
    'general.type': 'mmproj',
    'clip.vision.projection_dim': width,
  });
}
