import { embeddingPoolings, flashAttentionModes, kvCacheFormats, mmprojEncodings } from '../../backend/index.ts';
import { option } from '../option.ts';
import { choice, fraction, optional, orAuto, text, toggle, wholeNumber } from '../value-kinds.ts';

/** The limit of ggml's thread pools. */
const MAX_THREADS = 512;

/** How the model is computed. */
export const engineOptions = {
  devices: option({
    group: 'Engine',
    flags: ['devices'],
    argument: 'devices',
    help: 'Devices to compute on: auto, cpu, gpu, gpu:all, or gpu:0,1',
    kind: text('cpu, gpu, gpu:all, gpu: with device numbers (gpu:0,1), or auto', (value) =>
      /^(auto|cpu|gpu(:all|:\d+(,\d+)*)?)$/.test(value),
    ),
    default: 'auto',
  }),
  backend: option({
    group: 'Engine',
    flags: ['backend'],
    argument: 'name',
    help: 'Engine: node-llama-cpp, openai (servers at --upstream), echo, or the path of a module that exports one',
    kind: text('the name of a backend, or the path or package of a module that exports one'),
    default: 'node-llama-cpp',
  }),
  maxLength: option({
    group: 'Engine',
    flags: ['max-length'],
    argument: 'tokens',
    help: 'Maximum tokens of one conversation, prompt and answer',
    kind: orAuto(wholeNumber(1)),
    default: undefined,
    defaultText: 'as trained, as far as memory allows',
  }),
  maxBatchSize: option({
    group: 'Engine',
    flags: ['max-batch-size'],
    argument: 'n',
    help: 'Maximum concurrent requests',
    kind: orAuto(wholeNumber(1)),
    default: undefined,
    defaultText: 'auto',
  }),
  maxBatchInputTokens: option({
    group: 'Engine',
    flags: ['max-batch-input-tokens'],
    argument: 'tokens',
    help: 'Maximum prompt tokens per step; fewer beside streams where a step would take more than a second',
    kind: orAuto(wholeNumber(1)),
    default: undefined,
    defaultText: '512, or 2048 on a GPU that has all layers',
  }),
  deviceMemoryUtilization: option({
    group: 'Engine',
    flags: ['device-memory-utilization'],
    argument: 'fraction',
    help: 'Fraction of the device memory that may be used',
    kind: fraction(),
    default: 0.9,
  }),
  kvCacheFormat: option({
    group: 'Engine',
    flags: ['kv-cache-format'],
    argument: 'type',
    help: 'Type of the KV cache',
    kind: choice(kvCacheFormats, { synonyms: { float32: 'f32', float16: 'f16', bfloat16: 'bf16' } }),
    default: 'f16',
  }),
  flashAttention: option({
    group: 'Engine',
    flags: ['flash-attn'],
    argument: 'when',
    help: 'Flash attention',
    kind: choice(flashAttentionModes, {
      notes: { auto: 'where the device supports it, unless the KV cache is f32' },
    }),
    default: 'auto',
  }),
  mmap: option({
    group: 'Engine',
    flags: ['mmap'],
    help: 'Map the weights into memory instead of reading them, where the device allows it',
    kind: toggle(),
    default: true,
  }),
  mlock: option({
    group: 'Engine',
    flags: ['mlock'],
    help: 'Lock the weights in memory, so that they are never swapped out',
    kind: toggle(),
    default: false,
  }),
  threads: option({
    group: 'Engine',
    flags: ['threads'],
    argument: 'n',
    help: 'CPU threads for generation; auto takes fewer while other programs keep the CPUs busy',
    kind: orAuto(wholeNumber(1, MAX_THREADS)),
    default: undefined,
    defaultText: 'one per available core; 1 for a model of a few megabytes',
  }),
  embeddings: option({
    group: 'Engine',
    flags: ['embeddings'],
    help: 'Compute embeddings, too; models that were trained for them always do',
    kind: toggle(),
    default: false,
  }),
  pooling: option({
    group: 'Engine',
    flags: ['pooling'],
    argument: 'how',
    help: "How the vectors of an input's tokens become one embedding",
    kind: optional(
      choice(embeddingPoolings, { notes: { mean: 'of all', cls: 'that of the first', last: 'that of the last' } }),
    ),
    default: undefined,
    defaultText: "the model's own way, or last",
  }),
  threadsBatch: option({
    group: 'Engine',
    flags: ['threads-batch'],
    argument: 'n',
    help: 'CPU threads for prompts and images; auto as in --threads',
    kind: orAuto(wholeNumber(1, MAX_THREADS)),
    default: undefined,
    defaultText: 'as --threads, or one per available core',
  }),
  enablePrefixCaching: option({
    group: 'Engine',
    flags: ['enable-prefix-caching'],
    help: 'Reuse the computed prefix of earlier prompts',
    kind: toggle(),
    default: true,
  }),
  maxVisionCacheEntries: option({
    group: 'Engine',
    flags: ['max-vision-cache-entries'],
    argument: 'n',
    help: 'Maximum cached encoded images; 0 disables the cache',
    kind: wholeNumber(0),
    default: 256,
  }),
  mmprojEncoding: option({
    group: 'Engine',
    flags: ['mmproj-encoding'],
    argument: 'type',
    help: 'Arithmetic of the vision encoder on a CPU',
    kind: choice(mmprojEncodings, {
      notes: { auto: 'the fastest that loses no precision', original: 'in the types of its weights' },
    }),
    default: 'auto',
  }),
} as const;
