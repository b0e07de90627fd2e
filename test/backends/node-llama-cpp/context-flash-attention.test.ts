import { expect, it } from 'vitest';
import { contextFlashAttention } from '../../../backends/node-llama-cpp/context-flash-attention.ts';
import { defaultLoadSettings } from '../../../src/settings/index.ts';

it.each([
  [{}, 'auto'],
  [{ kvCacheFormat: 'f16' }, 'auto'],
  [{ kvCacheFormat: 'f32' }, 'off'],
  [{ kvCacheFormat: 'f32', flashAttention: 'on' }, 'on'],
  [{ kvCacheFormat: 'q8_0', flashAttention: 'off' }, 'off'],
] as const)('attends with %o by flash attention: %s', (settings, expected) => {
  expect(contextFlashAttention({ ...defaultLoadSettings, ...settings })).toBe(expected);
});
