import type { FlashAttention, LoadSettings } from '../../src/backend/index.ts';

/**
 * Whether the context computes attention in one step (flash attention). llama.cpp rounds keys and values of float32 to
 * half precision for that, each time anew: who asks for float32 gets it, unless they ask for both.
 */
export function contextFlashAttention({
  flashAttention,
  kvCacheFormat,
}: Pick<LoadSettings, 'flashAttention' | 'kvCacheFormat'>): FlashAttention {
  return flashAttention === 'auto' && kvCacheFormat === 'f32' ? 'off' : flashAttention;
}
