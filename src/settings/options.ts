import { isIP } from 'node:net';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import envPaths from 'env-paths';
import {
  embeddingPoolings,
  flashAttentionModes,
  kvCacheFormats,
  mmprojEncodings,
  quantizedTypes,
} from '../backend/index.ts';
import type { Environment } from './environment.ts';
import { option } from './option.ts';
import type { Option } from './option.ts';
import { longByShort, longPrecisions } from './precisions.ts';
import {
  byteCount,
  choice,
  choices,
  fraction,
  httpAddress,
  list,
  optional,
  orAuto,
  orOff,
  orWord,
  text,
  toggle,
  wholeNumber,
} from './value-kinds.ts';

const MIB = 1024 * 1024;
/** The limit of ggml's thread pools. */
const MAX_THREADS = 512;
/** A type of weights in the name of a GGUF file, with or without a publisher's prefix. */
const GGUF_TYPE = /^\s*(?:[a-z]+\d*-)?(?:i?q|p?tq|mxfp|nvfp)\d[a-z0-9_]*\s*$/i;
/** The longest delay of a timer in Node, in seconds. */
const LONGEST_TIMER_S = 2_147_483;

/**
 * Every option of vserve, in the order of the help. Names, environment variables and defaults are those of max serve
 * where it has the option.
 */
export const options = {
  model: option({
    group: 'Model',
    flags: ['model', 'model-path'],
    argument: 'path-or-id',
    help: 'The model: a .gguf file, a folder, or a Hugging Face id (org/name)',
    kind: optional(text('a path or a Hugging Face id')),
    default: undefined,
  }),
  mmproj: option({
    group: 'Model',
    flags: ['mmproj'],
    argument: 'path',
    help: 'Vision projector of a .gguf model',
    kind: optional(text('the path of a .gguf file')),
    default: undefined,
    defaultText: 'the mmproj*.gguf beside the model',
  }),
  servedModelName: option({
    group: 'Model',
    flags: ['served-model-name'],
    argument: 'name',
    help: 'Model name that requests use',
    kind: optional(text('a name')),
    default: undefined,
    defaultText: 'as --model',
  }),

  quantizationEncoding: option({
    group: 'Conversion',
    flags: ['quantization-encoding', 'outtype'],
    argument: 'type',
    help: 'Precision of the weights: what a checkpoint is converted to, or which GGUF file to take',
    kind: orWord(
      choice(['auto', ...longPrecisions, ...quantizedTypes], {
        synonyms: longByShort,
        notes: { auto: 'the best that fits in memory' },
      }),
      GGUF_TYPE,
      'a type that GGUF files are named by, such as iq4_xs or ud-q4_k_xl',
    ),
    default: 'auto',
  }),
  mmprojQuantizationEncoding: option({
    group: 'Conversion',
    flags: ['mmproj-quantization-encoding'],
    argument: 'type',
    help: 'Precision of the converted vision projector',
    kind: choice(['auto', ...longPrecisions, 'q8_0'], {
      synonyms: longByShort,
      notes: { auto: 'half precision for quantized weights, otherwise that of the weights' },
    }),
    default: 'auto',
  }),
  converter: option({
    group: 'Conversion',
    flags: ['converter'],
    argument: 'name',
    help: 'What converts a checkpoint',
    kind: choice(['built-in', 'llama.cpp'], {
      notes: {
        'llama.cpp': 'for architectures that the built-in one lacks; needs Python with PyTorch and transformers',
      },
    }),
    default: 'built-in',
  }),
  python: option({
    group: 'Conversion',
    flags: ['python'],
    argument: 'command',
    environment: 'VSERVE_PYTHON',
    help: "Python that runs llama.cpp's converter",
    kind: optional(text('a command or the path of one')),
    default: undefined,
    defaultText: 'python3 or python',
  }),

  huggingfaceModelRevision: option({
    group: 'Hub',
    flags: ['huggingface-model-revision'],
    argument: 'revision',
    help: 'Branch, tag or commit of the repository',
    kind: text('a branch, a tag or a commit'),
    default: 'main',
  }),
  weightPath: option({
    group: 'Hub',
    flags: ['weight-path'],
    argument: 'path',
    help: 'GGUF file to use from a repository that holds several',
    kind: optional(text('the path of a .gguf file within the repository')),
    default: undefined,
    defaultText: 'chosen by --quantization-encoding',
  }),
  forceDownload: option({
    group: 'Hub',
    flags: ['force-download'],
    help: 'Download again even if cached',
    kind: toggle(),
    default: false,
  }),
  hfToken: option({
    group: 'Hub',
    flags: [],
    environment: 'HF_TOKEN',
    environmentAliases: ['HUGGING_FACE_HUB_TOKEN'],
    inDotEnv: true,
    secret: true,
    inConfigFile: false,
    help: 'Token for private and gated repositories',
    kind: optional(text('a token')),
    default: undefined,
    defaultText: 'read from HF_TOKEN_PATH',
  }),
  hfTokenPath: option({
    group: 'Hub',
    flags: [],
    environment: 'HF_TOKEN_PATH',
    help: 'File that holds the token',
    kind: optional(text('the path of a file')),
    default: undefined,
    defaultText: 'token in HF_HOME',
  }),
  hfHome: option({
    group: 'Hub',
    flags: [],
    environment: 'HF_HOME',
    help: "Folder of Hugging Face's own tools",
    kind: text('the path of a folder'),
    default: (environment) => join(xdgCacheFolder(environment), 'huggingface'),
  }),
  hfHubCache: option({
    group: 'Hub',
    flags: [],
    environment: 'HF_HUB_CACHE',
    environmentAliases: ['HUGGINGFACE_HUB_CACHE'],
    help: 'Download cache of these tools, which is used but never written',
    kind: optional(text('the path of a folder')),
    default: undefined,
    defaultText: 'hub in HF_HOME',
  }),
  hfEndpoint: option({
    group: 'Hub',
    flags: [],
    environment: 'HF_ENDPOINT',
    help: 'Address of the Hugging Face Hub',
    kind: httpAddress(),
    default: 'https://huggingface.co',
  }),
  hfHubOffline: option({
    group: 'Hub',
    flags: [],
    environment: 'HF_HUB_OFFLINE',
    inDotEnv: true,
    help: 'Use only what is on this machine',
    kind: toggle(),
    default: false,
  }),
  httpProxy: option({
    group: 'Hub',
    flags: [],
    environment: 'http_proxy',
    environmentAliases: ['HTTP_PROXY', 'all_proxy', 'ALL_PROXY'],
    help: 'Proxy for http addresses of the Hub',
    kind: optional(httpAddress('http')),
    default: undefined,
    defaultText: 'none',
  }),
  httpsProxy: option({
    group: 'Hub',
    flags: [],
    environment: 'https_proxy',
    environmentAliases: ['HTTPS_PROXY', 'all_proxy', 'ALL_PROXY'],
    help: 'Proxy for https addresses of the Hub',
    kind: optional(httpAddress('http')),
    default: undefined,
    defaultText: 'none',
  }),
  noProxy: option({
    group: 'Hub',
    flags: [],
    environment: 'no_proxy',
    environmentAliases: ['NO_PROXY'],
    help: 'Hosts to reach without a proxy',
    kind: optional(text('host names between commas')),
    default: undefined,
    defaultText: 'none',
  }),

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
    help: 'Engine: node-llama-cpp, echo, or the path of a module that exports one',
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
    help: 'Maximum prompt tokens per step; on a CPU, a quarter of it while other requests generate',
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
    kind: choice(kvCacheFormats),
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

  host: option({
    group: 'Server',
    flags: ['host'],
    argument: 'address',
    environment: 'MAX_SERVE_HOST',
    inDotEnv: true,
    help: 'Address to listen on',
    kind: text('an IP address or a host name'),
    default: '0.0.0.0',
  }),
  port: option({
    group: 'Server',
    flags: ['port'],
    argument: 'port',
    environment: 'MAX_SERVE_PORT',
    inDotEnv: true,
    help: 'Port to listen on; 0 picks a free one',
    kind: wholeNumber(0, 65_535),
    default: 8000,
  }),
  metricsEndpointPort: option({
    group: 'Server',
    flags: ['metrics-endpoint-port'],
    argument: 'port',
    environment: 'MAX_SERVE_METRICS_ENDPOINT_PORT',
    inDotEnv: true,
    help: 'Port of /metrics for Prometheus; 0 picks a free one, off disables it',
    kind: orOff(wholeNumber(0, 65_535)),
    default: 8001,
  }),
  maxQueueSize: option({
    group: 'Server',
    flags: ['max-queue-size'],
    argument: 'n',
    environment: 'MAX_SERVE_MAX_QUEUE_SIZE',
    inDotEnv: true,
    help: 'Maximum requests that wait for a place in the batch; more get 429',
    kind: optional(wholeNumber(0)),
    default: undefined,
    defaultText: 'no limit',
  }),
  maxRequestBytes: option({
    group: 'Server',
    flags: ['max-request-bytes'],
    argument: 'bytes',
    environment: 'MAX_SERVE_MAX_REQUEST_BYTES',
    inDotEnv: true,
    help: 'Maximum size of a request body',
    kind: byteCount(),
    default: 100 * MIB,
  }),
  maxRequestMemoryBytes: option({
    group: 'Server',
    flags: ['max-request-memory-bytes'],
    argument: 'bytes',
    environment: 'MAX_SERVE_MAX_REQUEST_MEMORY_BYTES',
    inDotEnv: true,
    help: 'Memory for the bodies of all requests together; clients wait while it is full',
    kind: byteCount(MIB),
    default: 512 * MIB,
  }),
  apiTypes: option({
    group: 'Server',
    flags: ['api-types', 'api-type'],
    argument: 'type',
    environment: 'MAX_SERVE_API_TYPES',
    help: 'APIs to serve; may be repeated',
    kind: choices(['openai', 'responses', 'anthropic', 'ollama', 'sagemaker']),
    default: ['openai', 'responses', 'anthropic', 'ollama'],
    defaultText: 'openai,responses,anthropic,ollama',
  }),
  slots: option({
    group: 'Server',
    flags: ['slots'],
    help: 'Tell at /slots how far each running request is',
    kind: toggle(),
    default: false,
  }),
  allowedOrigins: option({
    group: 'Server',
    flags: ['allowed-origin', 'allowed-origins'],
    argument: 'origin',
    environment: 'MAX_SERVE_ALLOWED_ORIGINS',
    help: 'Origin of web pages that may call the server from a browser, such as http://localhost:3000; * matches any text; may be repeated',
    kind: list('origins'),
    default: [],
    defaultText: 'none',
  }),
  allowedHosts: option({
    group: 'Server',
    flags: ['allowed-host', 'allowed-hosts'],
    argument: 'name',
    environment: 'MAX_SERVE_ALLOWED_HOSTS',
    help: 'Host name under which browsers reach the server, such as that of a reverse proxy; * matches any text; may be repeated',
    kind: list('host names'),
    default: [],
    defaultText: "localhost, IP addresses, --host and this machine's name",
  }),
  allowExtraRequestFields: option({
    group: 'Server',
    flags: ['allow-extra-request-fields'],
    help: 'Ignore unknown request fields instead of refusing the request',
    kind: toggle(),
    default: false,
  }),
  httpKeepaliveTimeoutS: option({
    group: 'Server',
    flags: ['http-keepalive-timeout-s'],
    argument: 'seconds',
    environment: 'MAX_SERVE_HTTP_KEEPALIVE_TIMEOUT_S',
    inDotEnv: true,
    help: 'How long an idle connection stays open',
    kind: wholeNumber(1, LONGEST_TIMER_S),
    default: 120,
  }),
  httpBodyTimeoutS: option({
    group: 'Server',
    flags: ['http-body-timeout-s'],
    argument: 'seconds',
    environment: 'MAX_SERVE_HTTP_BODY_TIMEOUT_S',
    inDotEnv: true,
    help: 'How long a client may take to send the body of a request',
    kind: wholeNumber(1, LONGEST_TIMER_S),
    default: 300,
  }),
  gracefulShutdownTimeoutS: option({
    group: 'Server',
    flags: ['graceful-shutdown-timeout-s'],
    argument: 'seconds',
    environment: 'MAX_SERVE_GRACEFUL_SHUTDOWN_TIMEOUT_S',
    inDotEnv: true,
    help: 'How long running requests may go on after a stop',
    kind: wholeNumber(0, LONGEST_TIMER_S),
    default: 5,
  }),

  limitImagesPerPrompt: option({
    group: 'Images',
    flags: ['limit-images-per-prompt'],
    argument: 'n',
    help: 'Maximum images per request',
    kind: wholeNumber(0),
    default: 100,
  }),
  maxMediaBytes: option({
    group: 'Images',
    flags: ['max-media-bytes'],
    argument: 'bytes',
    environment: 'MAX_SERVE_MAX_MEDIA_BYTES',
    inDotEnv: true,
    help: 'Maximum size of all images of a request together, encoded; twice as much decoded',
    kind: byteCount(),
    default: 100 * MIB,
  }),
  maxImagePixels: option({
    group: 'Images',
    flags: ['max-image-pixels'],
    argument: 'pixels',
    help: 'Maximum pixels per image',
    kind: wholeNumber(1),
    default: 100_000_000,
  }),
  mediaTimeoutS: option({
    group: 'Images',
    flags: ['media-timeout-s'],
    argument: 'seconds',
    help: 'How long fetching and decoding all images of a request may take',
    kind: wholeNumber(1, LONGEST_TIMER_S),
    default: 60,
  }),
  allowedImageRoots: option({
    group: 'Images',
    flags: ['allowed-image-root'],
    argument: 'folder',
    environment: 'MAX_SERVE_ALLOWED_IMAGE_ROOTS',
    help: 'Folder whose images file:// URLs may name; repeatable',
    kind: list('folders'),
    default: [],
    defaultText: 'none',
  }),
  maxLocalImageBytes: option({
    group: 'Images',
    flags: ['max-local-image-bytes'],
    argument: 'bytes',
    environment: 'MAX_SERVE_MAX_LOCAL_IMAGE_BYTES',
    inDotEnv: true,
    help: 'Maximum size of an image from a file:// URL',
    kind: byteCount(),
    default: 20 * MIB,
  }),
  mediaUrlSsrfProtectionEnabled: option({
    group: 'Images',
    flags: ['media-url-ssrf-protection-enabled'],
    environment: 'MAX_SERVE_MEDIA_URL_SSRF_PROTECTION_ENABLED',
    help: 'Refuse image URLs that lead to private or local addresses',
    kind: toggle(),
    default: true,
  }),
  mediaUrlAllowedHosts: option({
    group: 'Images',
    flags: ['media-url-allowed-host'],
    argument: 'host',
    environment: 'MAX_SERVE_MEDIA_URL_ALLOWED_HOSTS',
    help: 'Host name, IP address or CIDR range to fetch images from although it is private; repeatable',
    kind: list('host names, IP addresses or CIDR ranges', isHost),
    default: [],
    defaultText: 'none',
  }),

  configFile: option({
    group: 'General',
    flags: ['config-file'],
    argument: 'path',
    inConfigFile: false,
    help: 'YAML file of options, named like the flags',
    kind: optional(text('the path of a YAML file')),
    default: undefined,
  }),
  logLevel: option({
    group: 'General',
    flags: ['log-level'],
    argument: 'level',
    environment: 'MAX_SERVE_LOGS_CONSOLE_LEVEL',
    inDotEnv: true,
    help: 'Minimum level to log',
    kind: choice(['DEBUG', 'INFO', 'WARNING', 'ERROR']),
    default: 'INFO',
  }),
  prettyPrintConfig: option({
    group: 'General',
    flags: ['pretty-print-config'],
    help: 'Print every option at the start, and where its value came from',
    kind: toggle(),
    default: false,
  }),
  home: option({
    group: 'General',
    flags: [],
    environment: 'VSERVE_HOME',
    help: 'Folder for downloaded and converted models',
    kind: text('the path of a folder'),
    default: (environment) => storeFolder(environment),
  }),
} as const;

export type SettingName = keyof typeof options;

/** The value of every option. */
export type Settings = {
  readonly [Name in SettingName]: (typeof options)[Name] extends Option<infer T> ? T : never;
};

/** The names of all options, in the order of the help. */
export const settingNames = Object.keys(options) as readonly SettingName[];

function isHost(value: string): boolean {
  const [address = '', prefix, ...rest] = value.split('/');
  const version = isIP(address);
  if (prefix === undefined) return version !== 0 || /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(address);
  return rest.length === 0 && version !== 0 && /^\d+$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128);
}

/** Where vserve keeps models unless told otherwise. */
function storeFolder(environment: Environment): string {
  if (process.platform === 'linux') return join(xdgCacheFolder(environment), 'vserve');
  return envPaths('vserve', { suffix: '' }).cache;
}

/** The cache folder of the XDG Base Directory Specification, which ignores relative paths. */
function xdgCacheFolder({ XDG_CACHE_HOME: folder = '' }: Environment): string {
  return isAbsolute(folder) ? folder : join(homedir(), '.cache');
}
