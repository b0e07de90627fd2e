import type { ModelDescription } from '../../src/backend/index.ts';
import type { GgufHeader } from '../../src/gguf/read-header.ts';

/** By llama.cpp's numbers of file types. */
const fileTypes: ReadonlyMap<unknown, string> = new Map(
  Object.entries({
    F32: 0,
    F16: 1,
    Q4_0: 2,
    Q4_1: 3,
    Q8_0: 7,
    Q5_0: 8,
    Q5_1: 9,
    Q2_K: 10,
    Q3_K_S: 11,
    Q3_K_M: 12,
    Q3_K_L: 13,
    Q4_K_S: 14,
    Q4_K_M: 15,
    Q5_K_S: 16,
    Q5_K_M: 17,
    Q6_K: 18,
    IQ2_XXS: 19,
    IQ2_XS: 20,
    Q2_K_S: 21,
    IQ3_XS: 22,
    IQ3_XXS: 23,
    IQ1_S: 24,
    IQ4_NL: 25,
    IQ3_S: 26,
    IQ3_M: 27,
    IQ2_S: 28,
    IQ2_M: 29,
    IQ4_XS: 30,
    IQ1_M: 31,
    BF16: 32,
    TQ1_0: 36,
    TQ2_0: 37,
    MXFP4_MOE: 38,
    NVFP4: 39,
    Q1_0: 40,
    Q2_0: 41,
  }).map(([name, number]) => [number, name]),
);

type Described = { readonly [Key in keyof ModelDescription]: ModelDescription[Key] | undefined };

/** A description without what is not known. */
export function known(description: Described): ModelDescription {
  return Object.fromEntries(Object.entries(description).filter(([, value]) => value !== undefined)) as ModelDescription;
}

/** What the header of a model file says about the model. Of a file in parts, not how many parameters it has. */
export function descriptionOf({ keyValues, tensors }: GgufHeader): ModelDescription {
  const text = (key: string): string | undefined => {
    const value = keyValues.get(key);
    return typeof value === 'string' ? value : undefined;
  };
  const count = (key: string): number | undefined => {
    const value = keyValues.get(key);
    return typeof value === 'number' && Number.isInteger(value) && value >= 0 ? value : undefined;
  };
  const architecture = text('general.architecture') ?? '';
  const isWhole = (count('split.count') ?? 1) <= 1;
  return known({
    architecture,
    parameterCount: isWhole
      ? tensors.reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0)
      : undefined,
    quantization: fileTypes.get(keyValues.get('general.file_type')),
    trainedContextLength: count(`${architecture}.context_length`),
    embeddingLength: count(`${architecture}.embedding_length`),
    tokenizer: text('tokenizer.ggml.model'),
    chatTemplate: text('tokenizer.chat_template'),
  });
}
