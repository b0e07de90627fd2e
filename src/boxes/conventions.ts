/** How a family of models writes where something is in a picture. */
export interface BoxConvention {
  readonly order: 'x-first' | 'y-first';
  /**
   * What a coordinate is a part of: of the whole side (a number of steps it is divided into), or `seen`, a pixel of the
   * picture as the model saw it.
   */
  readonly steps: number | 'seen';
}

/** By the family's name in `boxFamilyOf`. What is not here was not taught to write boxes. */
export const BOX_CONVENTIONS = {
  'deepseek-ocr': { order: 'x-first', steps: 999 },
  gemma: { order: 'y-first', steps: 1000 },
  'glm-v': { order: 'x-first', steps: 1000 },
  'granite-docling': { order: 'x-first', steps: 500 },
  internvl: { order: 'x-first', steps: 1000 },
  'kimi-vl': { order: 'x-first', steps: 1 },
  'lfm2-vl': { order: 'x-first', steps: 1 },
  'minicpm-v': { order: 'x-first', steps: 1000 },
  'paddleocr-vl': { order: 'x-first', steps: 1000 },
  'qwen2-vl': { order: 'x-first', steps: 1000 },
  'qwen2.5-vl': { order: 'x-first', steps: 'seen' },
  'qwen3-vl': { order: 'x-first', steps: 1000 },
} as const satisfies Readonly<Record<string, BoxConvention>>;

export type BoxFamily = keyof typeof BOX_CONVENTIONS;

/** By `clip.projector_type`. */
const FAMILIES: Readonly<Record<string, BoxFamily>> = {
  deepseekocr: 'deepseek-ocr',
  deepseekocr2: 'deepseek-ocr',
  gemma3: 'gemma',
  gemma3nv: 'gemma',
  gemma4uv: 'gemma',
  gemma4v: 'gemma',
  glm4v: 'glm-v',
  idefics3: 'granite-docling',
  internvl: 'internvl',
  kimivl: 'kimi-vl',
  lfm2: 'lfm2-vl',
  minicpmv4_6: 'minicpm-v',
  paddleocr: 'paddleocr-vl',
  qwen2vl_merger: 'qwen2-vl',
  'qwen2.5vl_merger': 'qwen2.5-vl',
  qwen3vl_merger: 'qwen3-vl',
};

/** The family of a projector (`clip.projector_type`); undefined for models that write no boxes. */
export function boxFamilyOf(projectorType: string): BoxFamily | undefined {
  return FAMILIES[projectorType];
}
