import { asFloat32, namedGeneration } from './generation-metadata.ts';
import type { GgufHeader } from './read-header.ts';

const prefix = 'general.sampling.';

/** The settings that a model's answers are generated with, by llama.cpp's and transformers' names: `{ temp: 0.7, top_k: 40 }`. */
export function samplingMetadata(keyValues: GgufHeader['keyValues']): Record<string, number | string> {
  const found: Record<string, number | string> = {};
  for (const [key, value] of keyValues) {
    if (!key.startsWith(prefix)) continue;
    if (typeof value === 'number') found[key.slice(prefix.length)] = asFloat32(value);
    if (typeof value === 'string') found[key.slice(prefix.length)] = value;
  }
  return { ...found, ...namedGeneration(keyValues) };
}
