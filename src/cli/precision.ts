import type { Settings } from '../settings/index.ts';
import type { Precision } from '../store/index.ts';

const longNames = { float32: 'f32', float16: 'f16', bfloat16: 'bf16' } as const;

/** The store's name of what `--quantization-encoding` names. */
export function precisionOf(name: Settings['quantizationEncoding']): Precision | 'auto' {
  return name === 'float32' || name === 'float16' || name === 'bfloat16' ? longNames[name] : name;
}
