import { isIP } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import envPaths from 'env-paths';
import { choice, list, option, optional, orAuto, text, toggle, wholeNumber } from './option.ts';
import type { Option } from './option.ts';

const MIB = 1024 * 1024;
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
    help: 'The vision projector of a .gguf model',
    kind: optional(text('the path of a .gguf file')),
    default: undefined,
    defaultText: 'the mmproj*.gguf beside the model',
  }),
  servedModelName: option({
    group: 'Model',
    flags: ['served-model-name'],
    argument: 'name',
    help: 'The name that requests give as "model"',
    kind: optional(text('a name')),
    default: undefined,
    defaultText: 'as --model',
  }),
  quantizationEncoding: option({
    group: 'Model',
    flags: ['quantization-encoding', 'outtype'],
    argument: 'type',
    help: 'Precision of the weights that a checkpoint is converted to: auto (the best that fits the memory), float32, float16, bfloat16, q8_0, q6_k, q5_k_m, q4_k_m, q4_0',
    kind: choice(['auto', 'float32', 'float16', 'bfloat16', 'q8_0', 'q6_k', 'q5_k_m', 'q4_k_m', 'q4_0'], {
      f32: 'float32',
      f16: 'float16',
      bf16: 'bfloat16',
    }),
    default: 'auto',
  }),
  mmprojEncoding: option({
    group: 'Model',
    flags: ['mmproj-encoding'],
    argument: 'type',
    help: 'How the vision encoder multiplies on a CPU: auto, original (in the types of its weights), f32',
    kind: choice(['auto', 'original', 'f32']),
    default: 'auto',
  }),
  maxLength: option({
    group: 'Model',
    flags: ['max-length'],
    argument: 'tokens',
    help: 'Most tokens of one conversation, prompt and answer',
    kind: orAuto(wholeNumber(1)),
    default: undefined,
    defaultText: 'what the model was trained for and memory allows',
  }),
  maxBatchSize: option({
    group: 'Model',
    flags: ['max-batch-size'],
    argument: 'n',
    help: 'Most requests that are computed at the same time',
    kind: orAuto(wholeNumber(1)),
    default: undefined,
    defaultText: 'auto',
  }),
  enablePrefixCaching: option({
    group: 'Model',
    flags: ['enable-prefix-caching'],
    help: 'Keep what was computed of a prompt for the next that begins the same way',
    kind: toggle(),
    default: true,
  }),
  maxVisionCacheEntries: option({
    group: 'Model',
    flags: ['max-vision-cache-entries'],
    argument: 'n',
    help: 'Most encoded images that are kept; 0 keeps none',
    kind: wholeNumber(0),
    default: 256,
  }),
  devices: option({
    group: 'Model',
    flags: ['devices'],
    argument: 'devices',
    help: 'Where to compute: cpu, gpu, gpu:all, or gpu:0,1',
    kind: text('cpu, gpu, gpu:all, gpu: with device numbers (gpu:0,1), or auto', (value) =>
      /^(auto|cpu|gpu(:all|:\d+(,\d+)*)?)$/.test(value),
    ),
    default: 'auto',
  }),
  backend: option({
    group: 'Model',
    flags: ['backend'],
    argument: 'name',
    help: 'The engine: a name, or the path of a module that exports one',
    kind: text('the name of a backend, or the path or package of a module that exports one'),
    default: 'node-llama-cpp',
  }),
  home: option({
    group: 'Model',
    flags: [],
    environment: 'VSERVE_HOME',
    help: 'Folder that keeps models: downloaded and converted ones',
    kind: text('the path of a folder'),
    default: envPaths('vserve', { suffix: '' }).cache,
  }),

  huggingfaceModelRevision: option({
    group: 'Hub',
    flags: ['huggingface-model-revision'],
    argument: 'revision',
    help: 'Branch, tag or commit of a repository of the Hugging Face Hub',
    kind: text('a branch, a tag or a commit'),
    default: 'main',
  }),
  weightPath: option({
    group: 'Hub',
    flags: ['weight-path'],
    argument: 'path',
    help: 'The GGUF file to take from a repository that holds several',
    kind: optional(text('the path of a .gguf file within the repository')),
    default: undefined,
    defaultText: 'by --quantization-encoding',
  }),
  forceDownload: option({
    group: 'Hub',
    flags: ['force-download'],
    help: 'Fetch the files again that are there already',
    kind: toggle(),
    default: false,
  }),
  hfToken: option({
    group: 'Hub',
    flags: [],
    environment: 'HF_TOKEN',
    environmentAliases: ['HUGGING_FACE_HUB_TOKEN'],
    secret: true,
    inConfigFile: false,
    help: 'Token for repositories that are private or gated',
    kind: optional(text('a token')),
    default: undefined,
    defaultText: 'the one in HF_TOKEN_PATH, if there is one',
  }),
  hfTokenPath: option({
    group: 'Hub',
    flags: [],
    environment: 'HF_TOKEN_PATH',
    help: 'File with the token',
    kind: optional(text('the path of a file')),
    default: undefined,
    defaultText: 'token in HF_HOME',
  }),
  hfHome: option({
    group: 'Hub',
    flags: [],
    environment: 'HF_HOME',
    help: 'Folder of the tools of Hugging Face',
    kind: text('the path of a folder'),
    default: join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'huggingface'),
  }),
  hfHubCache: option({
    group: 'Hub',
    flags: [],
    environment: 'HF_HUB_CACHE',
    environmentAliases: ['HUGGINGFACE_HUB_CACHE'],
    help: 'Folder of their downloads, which are used where they are',
    kind: optional(text('the path of a folder')),
    default: undefined,
    defaultText: 'hub in HF_HOME',
  }),
  hfEndpoint: option({
    group: 'Hub',
    flags: [],
    environment: 'HF_ENDPOINT',
    help: 'Address of the Hugging Face Hub',
    kind: text('an http or https address', isHttpUrl),
    default: 'https://huggingface.co',
  }),
  hfHubOffline: option({
    group: 'Hub',
    flags: [],
    environment: 'HF_HUB_OFFLINE',
    help: 'Fetch nothing: use what is on this machine',
    kind: toggle(),
    default: false,
  }),
  httpProxy: option({
    group: 'Hub',
    flags: [],
    environment: 'http_proxy',
    environmentAliases: ['HTTP_PROXY', 'all_proxy', 'ALL_PROXY'],
    help: 'Proxy for http addresses of the Hub',
    kind: optional(text('an http or https address', isHttpUrl)),
    default: undefined,
    defaultText: 'none',
  }),
  httpsProxy: option({
    group: 'Hub',
    flags: [],
    environment: 'https_proxy',
    environmentAliases: ['HTTPS_PROXY', 'all_proxy', 'ALL_PROXY'],
    help: 'Proxy for https addresses of the Hub',
    kind: optional(text('an http or https address', isHttpUrl)),
    default: undefined,
    defaultText: 'none',
  }),
  noProxy: option({
    group: 'Hub',
    flags: [],
    environment: 'no_proxy',
    environmentAliases: ['NO_PROXY'],
    help: 'Hosts that are reached without a proxy',
    kind: optional(text('host names between commas')),
    default: undefined,
    defaultText: 'none',
  }),

  host: option({
    group: 'Server',
    flags: ['host'],
    argument: 'address',
    environment: 'MAX_SERVE_HOST',
    help: 'Address to listen on',
    kind: text('an IP address or a host name'),
    default: '0.0.0.0',
  }),
  port: option({
    group: 'Server',
    flags: ['port'],
    argument: 'port',
    environment: 'MAX_SERVE_PORT',
    help: 'Port to listen on; 0 takes a free one',
    kind: wholeNumber(0, 65_535),
    default: 8000,
  }),
  maxQueueSize: option({
    group: 'Server',
    flags: ['max-queue-size'],
    argument: 'n',
    environment: 'MAX_SERVE_MAX_QUEUE_SIZE',
    help: 'Most requests that wait for a place in the batch; one more gets 429',
    kind: optional(wholeNumber(0)),
    default: undefined,
    defaultText: 'no limit',
  }),
  maxRequestBytes: option({
    group: 'Server',
    flags: ['max-request-bytes'],
    argument: 'bytes',
    environment: 'MAX_SERVE_MAX_REQUEST_BYTES',
    help: 'Largest body of a request',
    kind: wholeNumber(1),
    default: 100 * MIB,
  }),
  allowExtraRequestFields: option({
    group: 'Server',
    flags: ['allow-extra-request-fields'],
    help: 'Ignore unknown fields of a request instead of refusing it',
    kind: toggle(),
    default: false,
  }),
  httpKeepaliveTimeoutS: option({
    group: 'Server',
    flags: ['http-keepalive-timeout-s'],
    argument: 'seconds',
    environment: 'MAX_SERVE_HTTP_KEEPALIVE_TIMEOUT_S',
    help: 'How long an idle connection stays open',
    kind: wholeNumber(1, LONGEST_TIMER_S),
    default: 120,
  }),
  gracefulShutdownTimeoutS: option({
    group: 'Server',
    flags: ['graceful-shutdown-timeout-s'],
    argument: 'seconds',
    environment: 'MAX_SERVE_GRACEFUL_SHUTDOWN_TIMEOUT_S',
    help: 'How long a stop waits for running requests before it cancels them',
    kind: wholeNumber(0, LONGEST_TIMER_S),
    default: 5,
  }),

  limitImagesPerPrompt: option({
    group: 'Images',
    flags: ['limit-images-per-prompt'],
    argument: 'n',
    help: 'Most images of one request',
    kind: wholeNumber(0),
    default: 20,
  }),
  maxMediaBytes: option({
    group: 'Images',
    flags: ['max-media-bytes'],
    argument: 'bytes',
    environment: 'MAX_SERVE_MAX_MEDIA_BYTES',
    help: 'Most bytes of all images of one request together',
    kind: wholeNumber(1),
    default: 100 * MIB,
  }),
  allowedImageRoots: option({
    group: 'Images',
    flags: ['allowed-image-root'],
    argument: 'folder',
    environment: 'MAX_SERVE_ALLOWED_IMAGE_ROOTS',
    help: 'Folder whose images requests may name by file:// URL; may be repeated',
    kind: list('folders'),
    default: [],
    defaultText: 'none',
  }),
  maxLocalImageBytes: option({
    group: 'Images',
    flags: ['max-local-image-bytes'],
    argument: 'bytes',
    environment: 'MAX_SERVE_MAX_LOCAL_IMAGE_BYTES',
    help: 'Largest image that is read from a file:// URL',
    kind: wholeNumber(1),
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
    help: 'Host name, IP address or CIDR range that image URLs may name although it is private; may be repeated',
    kind: list('host names, IP addresses or CIDR ranges', isHost),
    default: [],
    defaultText: 'none',
  }),

  configFile: option({
    group: 'General',
    flags: ['config-file'],
    argument: 'path',
    inConfigFile: false,
    help: 'YAML file of options, named as the flags are',
    kind: optional(text('the path of a YAML file')),
    default: undefined,
  }),
  logLevel: option({
    group: 'General',
    flags: ['log-level'],
    argument: 'level',
    environment: 'MAX_SERVE_LOGS_CONSOLE_LEVEL',
    help: 'Least level that is logged: DEBUG, INFO, WARNING, ERROR',
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
} as const;

export type SettingName = keyof typeof options;

/** The value of every option. */
export type Settings = {
  readonly [Name in SettingName]: (typeof options)[Name] extends Option<infer T> ? T : never;
};

/** The names of all options, in the order of the help. */
export const settingNames = Object.keys(options) as readonly SettingName[];

function isHttpUrl(value: string): boolean {
  return URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);
}

function isHost(value: string): boolean {
  const [address = '', prefix, ...rest] = value.split('/');
  const version = isIP(address);
  if (prefix === undefined) return version !== 0 || /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(address);
  return rest.length === 0 && version !== 0 && /^\d+$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128);
}
