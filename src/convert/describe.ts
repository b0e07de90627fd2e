import type { ModelDescription, PrecisionSize } from '../conversion/index.ts';
import { elementCount } from './gguf/layout.ts';
import { contextBytesPerToken } from '../gguf/context-bytes.ts';
import { unfollowedSettings } from '../gguf/generation-metadata.ts';
import { readGgufHeader } from '../gguf/read-header.ts';
import type { GgufHeader } from '../gguf/read-header.ts';
import { samplingMetadata } from '../gguf/sampling-metadata.ts';
import { familyOf as architectureOf, numbersOf, textOf } from '../gguf/values.ts';
import { tensorBytes, typesById } from './gguf/type-sizes.ts';
import { outtypeTraits } from './outtype.ts';
import { mixedType } from './quantize/mixtures.ts';

/** A precision that a model can have, the best first: types that the converter writes, then llama.cpp's mixtures. */
export const precisions = ['f32', 'bf16', 'f16', 'q8_0', 'q6_k', 'q5_k_m', 'q4_k_m', 'q4_0'] as const;

export type Precision = (typeof precisions)[number];

/** Describes GGUF files as they are. @throws VserveError `gguf_invalid`; the system's errors */
export async function describeGguf(modelPath: string, mmprojPath: string | undefined): Promise<ModelDescription> {
  const model = await readGgufHeader(modelPath);
  const mmproj = mmprojPath === undefined ? undefined : await readGgufHeader(mmprojPath);
  const precision = precisionOf(model);
  const sizes = [{ precision, bytes: bytesOf(model) }];
  return { ...describeHeaders(model, mmproj), architecture: familyOf(model), precision, sizes };
}

/** Describes what a conversion would make, from the headers that were planned for it with the types of the checkpoint. */
export function describeHeaders(
  model: GgufHeader,
  mmproj: GgufHeader | undefined,
): Omit<ModelDescription, 'architecture' | 'precision' | 'sizes'> {
  return {
    family: familyOf(model),
    name: textOf(model.keyValues, 'general.name'),
    parameters: parametersOf(model),
    visionParameters: mmproj === undefined ? undefined : parametersOf(mmproj),
    contextLength: numbersOf(model.keyValues, `${familyOf(model)}.context_length`)?.[0],
    contextBytesPerToken: contextBytesPerToken(model.keyValues),
    mmprojBytes: mmproj === undefined ? 0 : bytesOf(mmproj),
    sampling: samplingMetadata(model.keyValues),
    unfollowed: [model, ...(mmproj === undefined ? [] : [mmproj])].flatMap((header) =>
      unfollowedSettings(header.keyValues),
    ),
  };
}

/** Bytes of a model, planned in half precision, in each precision. */
export function sizesOf(model: GgufHeader, own: Precision): PrecisionSize[] {
  const smaller = precisions.slice(precisions.indexOf('q8_0'));
  return [own, ...smaller.filter((precision) => precision !== own)].map((precision) => ({
    precision,
    bytes: bytesOf(model, precision),
  }));
}

/** Bytes of a GGUF file, as it is or with its matrices in another precision. */
function bytesOf(header: GgufHeader, precision?: Precision): number {
  const mixtureModel = {
    blockCount: numbersOf(header.keyValues, `${familyOf(header)}.block_count`)?.[0] ?? 1,
    expertCount: numbersOf(header.keyValues, `${familyOf(header)}.expert_count`)?.[0] ?? 0,
    tiedEmbeddings: !header.tensors.some(({ name }) => name === 'output.weight'),
  };
  const typeOf = (name: string, shape: readonly number[], own: string): string => {
    if (precision === undefined || own === 'F32') return own;
    if (precision === 'f32' || precision === 'f16' || precision === 'bf16') return outtypeTraits[precision].type;
    return mixedType(name, shape, precision, mixtureModel) ?? own;
  };
  const sizes = header.tensors.map(({ name, shape, type }) =>
    tensorBytes(typeOf(name, shape, typesById.get(type)?.name ?? 'F32'), shape),
  );
  return sizes.reduce((sum, bytes) => sum + bytes, header.byteLength);
}

/** `general.file_type` (`llama_ftype` in llama.h), as far as there are names in use for it. */
const fileTypes: Readonly<Record<number, string>> = {
  0: 'f32',
  1: 'f16',
  2: 'q4_0',
  3: 'q4_1',
  7: 'q8_0',
  8: 'q5_0',
  9: 'q5_1',
  10: 'q2_k',
  11: 'q3_k_s',
  12: 'q3_k_m',
  13: 'q3_k_l',
  14: 'q4_k_s',
  15: 'q4_k_m',
  16: 'q5_k_s',
  17: 'q5_k_m',
  18: 'q6_k',
  32: 'bf16',
};

/** The precision that a GGUF file says it has, else the type of most of its weights. */
function precisionOf(header: GgufHeader): string {
  const named = fileTypes[numbersOf(header.keyValues, 'general.file_type')?.[0] ?? -1];
  if (named !== undefined) return named;
  const elementsByType = new Map<number, number>();
  for (const { type, shape } of header.tensors) {
    elementsByType.set(type, (elementsByType.get(type) ?? 0) + elementCount(shape));
  }
  const [type] = [...elementsByType].sort(([, a], [, b]) => b - a)[0] ?? [0];
  return (typesById.get(type)?.name ?? `type ${type}`).toLowerCase();
}

function familyOf({ keyValues }: GgufHeader): string {
  return architectureOf(keyValues) ?? 'unknown';
}

function parametersOf({ tensors }: GgufHeader): number {
  return tensors.reduce((sum, { shape }) => sum + elementCount(shape), 0);
}
