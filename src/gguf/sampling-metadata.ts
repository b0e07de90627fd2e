import type { GgufHeader } from './read-header.ts';

const prefix = 'general.sampling.';
/** More than the digits that a float32 has would only tell how it was rounded. */
const float32Digits = 7;

/** The sampling settings that a model comes with, by llama.cpp's names: `{ temp: 0.7, top_k: 40 }`. */
export function samplingMetadata(keyValues: GgufHeader['keyValues']): Record<string, number | string> {
  const found: Record<string, number | string> = {};
  for (const [key, value] of keyValues) {
    if (!key.startsWith(prefix)) continue;
    if (typeof value === 'number') found[key.slice(prefix.length)] = Number(value.toPrecision(float32Digits));
    if (typeof value === 'string') found[key.slice(prefix.length)] = value;
  }
  return found;
}
