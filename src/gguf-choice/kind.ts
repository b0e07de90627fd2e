import type { GgufHeader, GgufKeyValues } from '../gguf/read-header.ts';
import { familyOf, numbersOf, textOf } from '../gguf/values.ts';

/** What a GGUF file holds. Only a model can be served. */
export type GgufKind = 'model' | 'projector' | 'drafter' | 'imatrix' | 'adapter' | 'control-vector' | 'vocabulary';

/** Completes "the file is …". */
export const kindNames: Readonly<Record<GgufKind, string>> = {
  model: 'a model',
  projector: 'a vision projector',
  drafter: 'a draft model, which only speeds up another one',
  imatrix: 'an importance matrix, which only the quantization of a model uses',
  adapter: 'a LoRA adapter, which changes another model',
  'control-vector': 'a control vector, which changes another model',
  vocabulary: 'a vocabulary without weights',
};

// Maps, as their keys are compared with whatever a file says.
const KINDS_BY_TYPE: ReadonlyMap<string, GgufKind> = new Map([
  ['mmproj', 'projector'],
  ['adapter', 'adapter'],
  ['imatrix', 'imatrix'],
]);

/** llama.cpp's architectures of files that are not language models, or only work beside one. */
const KINDS_BY_FAMILY: ReadonlyMap<string, GgufKind> = new Map([
  ['clip', 'projector'],
  ['controlvector', 'control-vector'],
  ['eagle3', 'drafter'],
  ['dflash', 'drafter'],
]);

/** The kind of a file, from the start of its header; undefined if that does not tell. */
export function kindInStart(keyValues: GgufKeyValues): GgufKind | undefined {
  const family = familyOf(keyValues);
  const byType = KINDS_BY_TYPE.get(textOf(keyValues, 'general.type') ?? '');
  if (byType !== undefined) return byType;
  if (keyValues.has('imatrix.chunk_count')) return 'imatrix';
  if (family === undefined) return undefined;
  // gemma4-assistant, gemma4_mtp: a separate draft head.
  return KINDS_BY_FAMILY.get(family) ?? (/[-_](assistant|mtp)$/.test(family) ? 'drafter' : 'model');
}

/** The kind, from a whole header. A draft head alone lacks the layers of its model. */
export function kindInHeader({ keyValues, tensors }: GgufHeader): GgufKind | undefined {
  const kind = kindInStart(keyValues);
  // The first part of a split model may hold no tensors.
  if (kind !== 'model' || (numbersOf(keyValues, 'split.count')?.[0] ?? 1) > 1) return kind;
  if (tensors.length === 0) return 'vocabulary';
  const draftLayers = numbersOf(keyValues, `${familyOf(keyValues) ?? ''}.nextn_predict_layers`)?.[0] ?? 0;
  const hasFirstLayer = tensors.some(({ name }) => name.startsWith('blk.0.'));
  return draftLayers > 0 && !hasFirstLayer ? 'drafter' : 'model';
}
