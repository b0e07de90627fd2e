import { expect, test } from 'vitest';
import { featuresIn, headOf } from '../../../scripts/bench/machine.ts';

test('The head of the tables names the CPU’s features and the peer’s version', () => {
  const cpuFeatures = featuresIn('CPU : SSE3 = 1 | AVX2 = 1 | AMX_INT8 = 0 | REPACK = 1');
  expect(cpuFeatures).toEqual(['SSE3', 'AVX2', 'REPACK']);
  const machine = {
    cpu: 'Some CPU',
    cpuFeatures,
    threads: 2,
    platform: 'linux',
    node: 'v22.0.0',
    peerVersion: '0.5.0 (build 1, commit abc)',
  };
  expect(headOf(machine)).toBe(
    'Some CPU (SSE3, AVX2, REPACK), 2 threads, Node.js v22.0.0\nllama-server 0.5.0 (build 1, commit abc)',
  );
});
