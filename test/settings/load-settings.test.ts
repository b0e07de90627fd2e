import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  defaultLoadSettings,
  groups,
  loadSettings,
  options,
  serveSettingNames,
  settingNames,
} from '../../src/settings/index.ts';
import type { Environment, Flags, SettingName } from '../../src/settings/index.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vserve-settings-'));
});
afterEach(() => rm(folder, { recursive: true }));

interface Given {
  readonly flags?: Flags;
  readonly environment?: Environment;
  readonly dotEnv?: string;
  readonly yaml?: string;
  /** All of them otherwise. */
  readonly names?: readonly SettingName[];
}

async function load({ flags = {}, environment = {}, dotEnv, yaml, names = settingNames }: Given) {
  if (dotEnv !== undefined) await writeFile(join(folder, '.env'), dotEnv);
  const configFile = join(folder, 'vserve.yaml');
  if (yaml !== undefined) await writeFile(configFile, yaml);
  return loadSettings(names, {
    flags: yaml === undefined ? flags : { ...flags, 'config-file': configFile },
    environment,
    folder,
  });
}

test('the defaults are those of max serve', async () => {
  const { settings, origins, warnings, unknownVariables } = await load({});
  expect(settings).toMatchObject({
    model: undefined,
    host: ['0.0.0.0'],
    port: 8000,
    devices: 'auto',
    backend: 'node-llama-cpp',
    maxRequestBytes: 104_857_600,
    maxRequestMemoryBytes: 536_870_912,
    httpBodyTimeoutS: 300,
    apiTypes: ['openai', 'responses', 'anthropic', 'ollama'],
    allowedOrigins: [],
    allowedHosts: [],
    maxMediaBytes: 104_857_600,
    maxLocalImageBytes: 20_971_520,
    mediaUrlSsrfProtectionEnabled: true,
    httpKeepaliveTimeoutS: 120,
    gracefulShutdownTimeoutS: 5,
    allowedImageRoots: [],
    logLevel: 'INFO',
  });
  expect(origins.port).toBe('default');
  expect([...warnings, ...unknownVariables]).toEqual([]);
});

test('a type of GGUF files may be asked for, in either case, and the short names of precisions', async () => {
  for (const [given, value] of [
    ['IQ4_XS', 'iq4_xs'],
    ['UD-Q4_K_XL', 'ud-q4_k_xl'],
    ['mxfp4_moe', 'mxfp4_moe'],
    ['Q4_K_M', 'q4_k_m'],
    ['f16', 'float16'],
  ] as const) {
    const { settings } = await load({ flags: { 'quantization-encoding': given } });
    expect(settings.quantizationEncoding).toBe(value);
  }
});

test('a flag overrides the environment, then .env, then the configuration file', async () => {
  const all = {
    flags: { port: '1' },
    environment: { MAX_SERVE_PORT: '2' },
    dotEnv: 'MAX_SERVE_PORT=3\n',
    yaml: 'port: 4\n',
  };
  const { flags: _, ...withoutFlag } = all;
  const { environment: __, ...withoutEnvironment } = withoutFlag;
  const found = [];
  for (const given of [all, withoutFlag, withoutEnvironment]) found.push(await load(given));
  await rm(join(folder, '.env'));
  found.push(await load({ yaml: all.yaml }));
  expect(found.map(({ settings }) => settings.port)).toEqual([1, 2, 3, 4]);
  expect(found.map(({ origins }) => origins.port)).toEqual([
    '--port',
    'MAX_SERVE_PORT in the environment',
    'MAX_SERVE_PORT in .env',
    `"port" in ${join(folder, 'vserve.yaml')}`,
  ]);
});

const accepted: readonly [string, Given, SettingName, unknown][] = [
  ['a flag', { flags: { model: 'org/name' } }, 'model', 'org/name'],
  ['the alias of a flag', { flags: { 'model-path': 'org/name' } }, 'model', 'org/name'],
  ['both names of a flag when they agree', { flags: { model: 'a/b', 'model-path': 'a/b' } }, 'model', 'a/b'],
  ['a switch that is on', { flags: { 'allow-extra-request-fields': true } }, 'allowExtraRequestFields', true],
  ['a switch that is off', { flags: { 'pretty-print-config': false } }, 'prettyPrintConfig', false],
  ['a repeated flag', { flags: { 'allowed-image-root': ['/a', '/b,c'] } }, 'allowedImageRoots', ['/a', '/b,c']],
  [
    'a JSON list',
    { environment: { MAX_SERVE_ALLOWED_IMAGE_ROOTS: '["/a", "/b,c"]' } },
    'allowedImageRoots',
    ['/a', '/b,c'],
  ],
  [
    'a list with commas',
    { environment: { MAX_SERVE_ALLOWED_IMAGE_ROOTS: '/a, /b' } },
    'allowedImageRoots',
    ['/a', '/b'],
  ],
  ['a quoted value in .env', { dotEnv: `MAX_SERVE_PORT='81'` }, 'port', 81],
  ['a JSON list', { environment: { MAX_SERVE_ALLOWED_IMAGE_ROOTS: '["/a"]' } }, 'allowedImageRoots', ['/a']],
  ['a list in YAML', { yaml: 'allowed-image-roots: [/a, /b]' }, 'allowedImageRoots', ['/a', '/b']],
  ['a key with underscores', { yaml: 'model_path: org/name' }, 'model', 'org/name'],
  ['a number as text in YAML', { yaml: 'port: "81"' }, 'port', 81],
  ['a truth value in YAML', { yaml: 'allow_extra_request_fields: true' }, 'allowExtraRequestFields', true],
  ['a YAML key with no value', { yaml: 'port:' }, 'port', 8000],
  ['an empty YAML file', { yaml: '' }, 'port', 8000],
  ['an empty variable', { environment: { MAX_SERVE_PORT: '' } }, 'port', 8000],
  [
    'a truth value in words',
    { environment: { MAX_SERVE_MEDIA_URL_SSRF_PROTECTION_ENABLED: 'No' } },
    'mediaUrlSsrfProtectionEnabled',
    false,
  ],
  [
    'hosts of all kinds',
    { environment: { MAX_SERVE_MEDIA_URL_ALLOWED_HOSTS: 'cdn.example,10.0.0.1,10.0.0.0/8,fd00::/8' } },
    'mediaUrlAllowedHosts',
    ['cdn.example', '10.0.0.1', '10.0.0.0/8', 'fd00::/8'],
  ],
  ['a log level in small letters', { environment: { MAX_SERVE_LOGS_CONSOLE_LEVEL: 'debug' } }, 'logLevel', 'DEBUG'],
  ['the word auto', { flags: { 'max-batch-size': 'auto' }, yaml: 'max-batch-size: 4' }, 'maxBatchSize', undefined],
  ['bytes with a unit', { flags: { 'max-media-bytes': '2 MiB' } }, 'maxMediaBytes', 2_097_152],
  ['bytes with a unit in YAML', { yaml: 'max-media-bytes: 3KiB' }, 'maxMediaBytes', 3072],
  ['a proxy without a scheme', { environment: { http_proxy: '127.0.0.1:3128' } }, 'httpProxy', 'http://127.0.0.1:3128'],
  ['a proxy by name', { environment: { HTTPS_PROXY: 'proxy.lan:80 ' } }, 'httpsProxy', 'http://proxy.lan:80'],
  ['a proxy with a scheme', { environment: { HTTPS_PROXY: 'https://p.lan' } }, 'httpsProxy', 'https://p.lan'],
  ['the word auto for a number', { flags: { 'max-batch-input-tokens': 'auto' } }, 'maxBatchInputTokens', undefined],
  [
    'a short name of a precision',
    { flags: { 'mmproj-quantization-encoding': 'bf16' } },
    'mmprojQuantizationEncoding',
    'bfloat16',
  ],
  ['a number with decimals', { flags: { temperature: '.5' } }, 'temperature', 0.5],
  [
    'whole numbers between commas and repeated',
    { flags: { 'stop-token-ids': ['1,2', '3'] } },
    'stopTokenIds',
    [1, 2, 3],
  ],
  ['whole numbers in YAML', { yaml: 'max-concurrency: [1, 4]' }, 'maxConcurrency', [1, 4]],
  ['a path with a comma', { flags: { image: ['a,b.png'] } }, 'images', ['a,b.png']],
  ['the address of a server without a scheme', { flags: { url: 'localhost:8000' } }, 'url', 'http://localhost:8000'],
  ['the socket of a server', { flags: { url: 'unix:/run/v.sock' } }, 'url', 'unix:/run/v.sock'],
  ['an infinite rate', { flags: { 'request-rate': 'inf' } }, 'requestRate', [Infinity]],
  ["max serve's name of a type", { flags: { 'quantization-encoding': 'q4_k' } }, 'quantizationEncoding', 'q4_k_m'],
  ['devices by number', { flags: { devices: 'gpu:0,1' } }, 'devices', 'gpu:0,1'],
  ['the store of the environment', { environment: { VSERVE_HOME: '/data' } }, 'home', '/data'],
];
test.each(accepted)('accepts %s', async (_, given, name, value) => {
  const { settings } = await load(given);
  expect(settings[name]).toEqual(value);
});

const refused: readonly [string, Given, RegExp][] = [
  [
    'a port that is no number',
    { flags: { port: 'abc' } },
    /^--port is "abc": it must be a whole number from 0 to 65535\.$/,
  ],
  [
    'a port that is too large',
    { environment: { MAX_SERVE_PORT: '65536' } },
    /^MAX_SERVE_PORT in the environment is "65536": it must be/,
  ],
  [
    'a fraction',
    { dotEnv: 'MAX_SERVE_MAX_REQUEST_BYTES=1.5' },
    /^MAX_SERVE_MAX_REQUEST_BYTES in \.env is "1\.5": it must be a number of bytes of at least 1, such as/,
  ],
  [
    'a wrong type in YAML',
    { yaml: 'host: 80' },
    /^"host" in .*vserve\.yaml is 80: it must be IP addresses, host names or paths of Unix sockets, as a JSON list or separated by commas\.$/,
  ],
  [
    'a truth value that is none',
    { yaml: 'allow-extra-request-fields: maybe' },
    /is "maybe": it must be true or false\.$/,
  ],
  [
    'an unknown word',
    { flags: { 'quantization-encoding': '4bit' } },
    /^--quantization-encoding is "4bit": it must be one of auto, float32, .* q4_0, or a type that GGUF files .*\.$/,
  ],
  [
    'an encoding of the projector that there is not',
    { flags: { 'mmproj-encoding': 'q8_0' } },
    /^--mmproj-encoding is "q8_0": it must be one of auto, original, f32\.$/,
  ],
  ['devices that do not exist', { flags: { devices: 'tpu' } }, /^--devices is "tpu": it must be cpu, gpu,/],
  [
    'a broken JSON list',
    { environment: { MAX_SERVE_ALLOWED_IMAGE_ROOTS: '["/a"' } },
    /^MAX_SERVE_ALLOWED_IMAGE_ROOTS in the environment is .*as a JSON list or separated by commas\.$/,
  ],
  [
    'a host with a scheme',
    { flags: { 'media-url-allowed-host': ['http://cdn.example'] } },
    /host names, IP addresses or CIDR ranges/,
  ],
  ['a CIDR range that is too long', { flags: { 'media-url-allowed-host': ['10.0.0.0/33'] } }, /CIDR/],
  [
    'two names that disagree',
    { flags: { model: 'a/b', 'model-path': 'c/d' } },
    /^--model is "a\/b" and --model-path is "c\/d", but both set the same option/,
  ],
  [
    'two keys that disagree',
    { yaml: 'max-length: 1\nmax_length: 2' },
    /^"max-length" in .* is 1 and "max_length" in .* is 2, but both/,
  ],
  ['an unknown key', { yaml: 'prot: 80' }, /has an unknown option "prot"\. Known options: model, .*port/],
  ['an option of another command', { yaml: 'prompt: hi', names: serveSettingNames }, /has an unknown option "prompt"/],
  ['a file that names another', { yaml: 'config-file: x.yaml' }, /has an unknown option "config-file"/],
  ['a list for a file', { yaml: '- port' }, /must consist of lines of the form "option: value"/],
  [
    'bytes with another unit',
    { flags: { 'max-media-bytes': '2 MB' } },
    /^--max-media-bytes is "2 MB": it must be a number of bytes/,
  ],
  [
    'a SOCKS proxy',
    { environment: { ALL_PROXY: 'socks5://p' } },
    /^ALL_PROXY in the environment is .*must be an http or https address/,
  ],
  ['what is no YAML', { yaml: 'port: [' }, /vserve\.yaml cannot be read: .*line 1/],
  [
    'a missing file',
    { flags: { 'config-file': '/nowhere/x.yaml' } },
    /^The configuration file \/nowhere\/x\.yaml does not exist\. Check its path\.$/,
  ],
];
test.each(refused)('refuses %s', async (_, given, message) => {
  await expect(load(given)).rejects.toThrow(
    expect.objectContaining({ code: 'invalid_setting', message: expect.stringMatching(message) }),
  );
});

describe('variables', () => {
  test('one of max serve that vserve does not have is reported', async () => {
    const { unknownVariables } = await load({ environment: { MAX_SERVE_GC_DEBUG: '3' }, dotEnv: 'VSERVE_HOEM=/x' });
    expect(unknownVariables).toEqual([
      'MAX_SERVE_GC_DEBUG in the environment has no effect: vserve has no such setting.',
      'VSERVE_HOEM in .env has no effect: vserve has no such setting.',
    ]);
  });

  test('.env changes nothing in the environment of the process', async () => {
    await load({ dotEnv: 'MAX_SERVE_PORT=3' });
    expect(process.env['MAX_SERVE_PORT']).toBeUndefined();
  });

  test('the caches of the environment are where the XDG specification says', async () => {
    const { settings } = await load({ environment: { XDG_CACHE_HOME: '/cache' } });
    expect(settings.hfHome).toBe('/cache/huggingface');
    if (process.platform === 'linux') expect(settings.home).toBe('/cache/vserve');
    const relative = await load({ environment: { XDG_CACHE_HOME: 'cache' } });
    expect(relative.settings.hfHome).toBe(join(homedir(), '.cache', 'huggingface'));
  });
});

describe('.env', () => {
  /** What would run a program or a module, or lead a token to another place. */
  const dangerous = [
    ['VSERVE_PYTHON', './evil', 'python'],
    ['VSERVE_HOME', '/evil', 'home'],
    ['HF_ENDPOINT', 'http://evil.example', 'hfEndpoint'],
    ['HF_HOME', '/evil', 'hfHome'],
    ['HF_TOKEN_PATH', '/evil', 'hfTokenPath'],
    ['http_proxy', 'http://evil.example', 'httpProxy'],
    ['HTTPS_PROXY', 'http://evil.example', 'httpsProxy'],
    ['ALL_PROXY', 'http://evil.example', 'httpsProxy'],
    ['no_proxy', '*', 'noProxy'],
  ] as const;
  test.each(dangerous)('%s is ignored, with a warning', async (variable, value, name) => {
    const { settings, origins, warnings, fromDotEnv } = await load({ dotEnv: `${variable}=${value}` });
    expect(settings[name]).not.toBe(value);
    expect(origins[name]).toBe('default');
    expect(warnings).toEqual([expect.stringMatching(`^${variable} in \\.env is ignored`)]);
    expect(fromDotEnv).toEqual([]);
    expect((await load({ environment: { [variable]: value }, dotEnv: '' })).settings[name]).toBe(value);
  });

  test('the variables that took effect are named', async () => {
    const { fromDotEnv, settings } = await load({
      dotEnv: 'MAX_SERVE_PORT=3\nHF_TOKEN=hf_secret\nMAX_SERVE_HOST=::1\nOTHER=1',
      environment: { MAX_SERVE_HOST: '127.0.0.1' },
    });
    expect(fromDotEnv).toEqual(['HF_TOKEN', 'MAX_SERVE_PORT']);
    expect(settings).toMatchObject({ hfToken: 'hf_secret', port: 3, host: ['127.0.0.1'] });
  });

  test('a folder of that name is skipped, with a warning', async () => {
    await mkdir(join(folder, '.env'));
    expect((await load({})).warnings).toEqual([expect.stringMatching(/\.env is skipped: it is not a regular file/)]);
  });

  test.runIf(process.platform !== 'win32')('a pipe of that name holds nothing up', async () => {
    execFileSync('mkfifo', [join(folder, '.env')]);
    expect((await load({})).warnings).toEqual([expect.stringMatching(/\.env is skipped: it is not a regular file/)]);
  });

  test('a loop of links of that name is skipped, with a warning', async () => {
    await symlink('.env', join(folder, '.env'));
    expect((await load({})).warnings).toEqual([expect.stringMatching(/\.env is skipped: it cannot be read \(ELOOP\)/)]);
  });
});

test('each option says in one place what its choices are', () => {
  const choices = Object.values(options).filter(({ kind }) => kind.values !== undefined);
  expect(choices.length).toBeGreaterThan(6);
  for (const { kind } of choices) {
    const words = (kind.values ?? []).map((value) => value.replace(/ \(.*/, ''));
    expect(kind.allowed).toMatch(
      new RegExp(`^(?:one|any) of ${words.join(', ')}(?:, or a type [^,]+, such as [^,]+|, as a JSON list .*)?$`, 'v'),
    );
  }
});

test('the groups of the help follow one another', () => {
  const found = settingNames.map((name) => options[name].group);
  expect(found.filter((group, index) => group !== found[index - 1])).toEqual(groups);
});

test('a verb reads only the options it has', async () => {
  const loaded = await loadSettings(['logLevel'], { flags: {}, environment: { MAX_SERVE_PORT: 'abc' }, folder });
  expect(loaded.settings).toEqual({ logLevel: 'INFO' });
});

test('a backend is told every default of its options', async () => {
  const { settings } = await load({});
  expect(settings).toMatchObject(defaultLoadSettings);
  expect(Object.keys(defaultLoadSettings)).toHaveLength(27);
});
