import type { Backend } from '../../src/backend/index.ts';
import { dryRunProgram } from './addon-loader.ts';
import { buildMissingEngine } from './build-engine.ts';
import { deviceMemory } from './device-memory.ts';
import { bundledSource, installedNodeLlamaCppVersion } from './installation.ts';
import { load } from './load.ts';
import { quantize } from './quantize.ts';

/**
 * llama.cpp through node-llama-cpp, with our own engine on top: Metal, CUDA, Vulkan, or the CPU. node-llama-cpp's modules,
 * which take longer than all others, are imported when they are needed.
 */
const backend: Backend = {
  name: 'node-llama-cpp',
  specificationVersion: 1,
  prepare: buildMissingEngine,
  async check() {
    dryRunProgram();
  },
  load,
  quantizer: { version: `node-llama-cpp ${installedNodeLlamaCppVersion()}`, quantize },
  converterSource: bundledSource(),
  deviceMemory,
  loadMemory: async (...given) => (await import('./load-memory.ts')).loadMemory(...given),
};
export default backend;
