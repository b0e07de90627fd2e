import { options, settingNames } from './options.ts';

/** Flags of MAX that mean nothing here. */
interface MaxFlags {
  /** Completes "--flag has no effect: …" or "--flag is not supported: …". */
  readonly reason: string;
  /** Whether the answers, or who gets them, would not be what the flag asks for. */
  readonly isRefused?: true;
  /** `--x` and `--no-x`. */
  readonly switches?: readonly string[];
  /** With a value. */
  readonly values?: readonly string[];
}

/** A flag of MAX 26.7 that has no counterpart here, and why. */
export interface MaxFlag {
  readonly name: string;
  readonly isSwitch: boolean;
  readonly isRefused: boolean;
  readonly reason: string;
}

const serveFlags: readonly MaxFlags[] = [
  { reason: 'the code in a repository is never run', switches: ['trust-remote-code'] },
  {
    reason: 'weights come from the repository and the revision of the model (--huggingface-model-revision)',
    values: ['huggingface-weight-revision'],
  },
  {
    reason: 'prompts are always computed in steps beside running answers (--max-batch-input-tokens)',
    switches: ['enable-chunked-prefill', 'enable-in-flight-batching', 'enable-prioritize-first-decode'],
    values: [
      'chunked-prefill-min-chunk-size',
      'max-batch-total-tokens',
      'max-request-input-tokens',
      'max-queue-size-tg',
      'min-batch-size-tg',
      'max-num-steps',
      'ce-delay-ms',
      'kvcache-ce-watermark',
    ],
  },
  {
    reason: 'the KV cache is on the device of the model, and has no pages',
    switches: ['enable-dp-cross-replica-prefix-copy', 'allow-kv-head-replication'],
    values: ['kv-cache-page-size', 'kv-cache-hash-algo', 'kv-cache-hash-seed', 'kv-connector', 'kv-connector-config'],
  },
  {
    reason: 'structured output, tools, penalties, min_tokens, echo and log probabilities always work',
    switches: [
      'enable-structured-output',
      'structured-output-any-whitespace',
      'enable-tool-call-constrained-decode',
      'enable-penalties',
      'enable-min-tokens',
      'enable-variable-logits',
      'enable-echo',
      'allow-unsupported-logprobs',
    ],
    values: ['structured-output-backend', 'tool-call-policy'],
  },
  {
    reason: "how calls and reasoning are read follows from the model's chat template",
    values: ['tool-parser', 'reasoning-parser'],
  },
  { reason: 'reasoning always comes in reasoning_content', switches: ['emit-reasoning-content'] },
  {
    reason: 'the cache of images is limited by their number (--max-vision-cache-entries)',
    values: [
      'vision-cache-utilization',
      'max-vision-preprocess-cache-bytes',
      'max-video-preprocess-cache-bytes',
      'max-media-preprocess-cache-idle-seconds',
    ],
  },
  {
    reason: 'answers are generated without a draft model',
    switches: ['use-relaxed-acceptance-for-thinking', 'use-greedy-acceptance', 'enable-spec-decode-mixed-batches'],
    values: [
      'speculative-method',
      'num-speculative-tokens',
      'num-speculative-tokens-per-batch-size',
      'num-speculative-tokens-mixed-batch',
      'rejection-sampling-strategy',
      'synthetic-acceptance-rate',
      'relaxed-topk',
      'relaxed-delta',
      'recurrent-state-rollback',
      'draft-proposal',
      'draft-model-path',
      'draft-model',
      'draft-served-model-name',
      'draft-weight-path',
      'draft-quantization-encoding',
      'draft-huggingface-model-revision',
      'draft-huggingface-weight-revision',
      'draft-subfolder',
      'draft-devices',
      'draft-vision-config-overrides',
      'draft-rope-type',
      'draft-sliding-window',
      'draft-chat-template',
      'draft-data-parallel-degree',
      'draft-max-length',
    ],
  },
  {
    reason: 'answers are generated without a draft model',
    switches: [
      'draft-trust-remote-code',
      'draft-force-download',
      'draft-enable-echo',
      'draft-use-subgraphs',
      'draft-pool-embeddings',
    ],
  },
  {
    reason: 'one process serves one model on one machine',
    switches: ['ep-use-allreduce', 'execute-empty-batches', 'dp-ce-balance-enable-dynamic-chunk-size', 'eplb-profile'],
    values: [
      'pipeline-role',
      'data-parallel-degree',
      'ep-size',
      'eplb-stats',
      'eplb-replicas-per-gpu',
      'dp-ce-balance-timeout-ms',
      'dp-ce-balance-threshold',
      'decode-stall-timeout-s',
      'decode-request-ttl-s',
      'zmq-endpoint-base',
      'cascade',
      'cascade-config',
    ],
  },
  {
    reason: "llama.cpp computes, and nothing is compiled for a model: MAX's graphs and kernels are not here",
    switches: [
      'device-graph-capture',
      'experimental-device-graph-synthesis',
      'debug-verify-replay',
      'use-subgraphs',
      'prefer-module-v3',
      'allow-cold-interpreter-cache',
      'enable-overlap-scheduler',
      'sample-on-host',
      'force',
      'defer-resolve',
    ],
    values: [
      'use-vendor-blas',
      'use-vendor-ccl',
      'use-experimental-kernels',
      'gpu-profiling',
      'tokenizer-impl',
      'target',
    ],
  },
  {
    reason: 'no pictures are generated',
    switches: ['first-block-caching', 'taylorseer', 'teacache'],
    values: [
      'residual-threshold',
      'taylorseer-cache-interval',
      'taylorseer-warmup-steps',
      'taylorseer-max-order',
      'teacache-rel-l1-thresh',
    ],
  },
  { reason: 'what a model can do follows from its files', values: ['task', 'task-arg'] },
  {
    reason: 'compiled graphs are neither written nor read',
    isRefused: true,
    values: ['export-mefs', 'precompiled-mefs'],
  },
  {
    reason: 'images are prepared as preprocessor_config.json of the checkpoint says: change it there',
    isRefused: true,
    values: ['vision-config-overrides'],
  },
  { reason: 'one temperature holds for the whole answer', isRefused: true, values: ['thinking-temperature'] },
  { reason: '--pooling says how vectors are pooled', isRefused: true, switches: ['pool-embeddings'] },
  {
    reason: '--backend names a module that serves other models, and --converter llama.cpp converts more',
    isRefused: true,
    values: ['custom-architectures'],
  },
  {
    reason: 'a model is used as its files are',
    isRefused: true,
    switches: ['use-dummy-weights'],
    values: ['models', 'model-override', 'subfolder', 'rope-type', 'sliding-window', 'section-name'],
  },
  {
    reason: 'a profiler is not part of vserve',
    isRefused: true,
    switches: ['profile'],
    values: ['profile-output', 'profile-top-n'],
  },
  { reason: 'answers are always texts', switches: ['detokenize'] },
];

const benchmarkFlags: readonly MaxFlags[] = [
  { reason: 'every server of the OpenAI API is asked the same way', values: ['backend', 'server-args'] },
  { reason: 'the server counts the tokens', values: ['tokenizer', 'model-max-length'] },
  { reason: 'the code in a repository is never run', switches: ['trust-remote-code'] },
  {
    reason: 'nothing but the requests of the benchmark is sent; --num-warmups asks before',
    switches: ['skip-test-prompt'],
  },
  { reason: 'progress is shown on a terminal only', switches: ['disable-tqdm'] },
  {
    reason: 'the server has figures of its own at /metrics',
    switches: ['collect-gpu-stats', 'collect-cpu-stats', 'collect-server-stats'],
  },
  {
    reason: 'the report has the tokens that were sent and received, and --output-json those of each request',
    switches: ['print-workload-stats', 'print-inputs-and-outputs', 'save-result'],
    values: ['latency-percentiles', 'kv-block-size', 'log-dir'],
  },
  { reason: 'the prompts of each run are new ones', switches: ['flush-prefix-cache'] },
  { reason: '--result-filename takes a path', isRefused: true, values: ['result-dir'] },
  {
    reason: '--output-json has the tokens of each answer',
    isRefused: true,
    values: ['record-output-lengths'],
  },
  { reason: 'chat completions are measured (--url names the server)', values: ['endpoint', 'benchmark-task'] },
  {
    reason: 'conversations begin at their first turn, --chat-warmup-delay-ms apart',
    isRefused: true,
    switches: ['randomize-starting-turn', 'randomize-session-start', 'warmup-to-steady-state'],
  },
  {
    reason: '--image-fraction says which turns have images',
    isRefused: true,
    values: ['image-turn', 'image-num-turns'],
  },
  {
    reason: '--random-output-len says how long answers are',
    isRefused: true,
    values: ['output-lengths', 'random-coefficient-of-variation'],
  },
  {
    reason: '--dataset-name has random, sharegpt, prompts and local-image',
    isRefused: true,
    switches: ['fit-distributions', 'tool-calls', 'obfuscated-conversations-shuffle'],
    values: [
      'sonnet-input-len',
      'sonnet-prefix-len',
      'arxiv-summarization-input-len',
      'obfuscated-conversations-average-output-len',
      'obfuscated-conversations-coefficient-of-variation',
      'batch-job-image-dir',
    ],
  },
  { reason: '--config-file takes these options', isRefused: true, values: ['workload-config', 'section-name'] },
  {
    reason: 'nothing but a run is made, once for each load: repeat the command',
    isRefused: true,
    switches: ['dry-run'],
    values: ['num-iters', 'num-prompts-multiplier'],
  },
  {
    reason: 'merge the adapter into the model, and serve that',
    isRefused: true,
    values: ['lora', 'lora-paths', 'lora-uniform-traffic-ratio', 'per-lora-traffic-ratio', 'max-concurrent-lora-ops'],
  },
  {
    reason: 'no pictures are generated',
    isRefused: true,
    values: [
      'image-width',
      'image-height',
      'image-steps',
      'image-guidance-scale',
      'image-negative-prompt',
      'image-seed',
    ],
  },
  {
    reason: 'a profiler is not part of vserve',
    isRefused: true,
    switches: ['profile', 'trace'],
    values: ['profile-output', 'profile-top-n', 'trace-file', 'trace-session'],
  },
  {
    reason: 'reports go to files only',
    isRefused: true,
    switches: ['upload-results'],
    values: ['benchmark-sha', 'cluster-information-path', 'benchmark-config-name'],
  },
];

/** Those of `max serve` and `max generate` that no option of vserve has. */
export function maxServeFlags(): readonly MaxFlag[] {
  return flagsOf(serveFlags);
}

/** Those of `max benchmark`, which begins no server. */
export function maxBenchmarkFlags(): readonly MaxFlag[] {
  return flagsOf(benchmarkFlags);
}

function flagsOf(groups: readonly MaxFlags[]): readonly MaxFlag[] {
  const own = new Set<string>(settingNames.flatMap((name) => options[name].flags));
  return groups
    .flatMap(({ switches = [], values = [], isRefused = false, reason }) => [
      ...switches.map((name) => ({ name, isSwitch: true, isRefused, reason })),
      ...values.map((name) => ({ name, isSwitch: false, isRefused, reason })),
    ])
    .filter(({ name }) => !own.has(name) || groups === benchmarkFlags);
}
