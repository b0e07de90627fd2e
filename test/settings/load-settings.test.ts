import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadSettings, settingNames } from '../../src/settings/index.ts';
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
}

async function load({ flags = {}, environment = {}, dotEnv, yaml }: Given) {
  if (dotEnv !== undefined) await writeFile(join(folder, '.env'), dotEnv);
  const configFile = join(folder, 'vserve.yaml');
  if (yaml !== undefined) await writeFile(configFile, yaml);
  return loadSettings(settingNames, {
    flags: yaml === undefined ? flags : { ...flags, 'config-file': configFile },
    environment,
    folder,
  });
}

test('the defaults are those of max serve', async () => {
  const { settings, origins, warnings } = await load({});
  expect(settings).toMatchObject({
    model: undefined,
    host: '0.0.0.0',
    port: 8000,
    devices: 'auto',
    backend: 'node-llama-cpp',
    maxRequestBytes: 104_857_600,
    maxRequestMemoryBytes: 536_870_912,
    httpBodyTimeoutS: 300,
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
  expect(warnings).toEqual([]);
});

test('a flag beats the environment, then .env, then the configuration file', async () => {
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
  ['a quoted JSON list in .env', { dotEnv: `MAX_SERVE_ALLOWED_IMAGE_ROOTS='["/a"]'` }, 'allowedImageRoots', ['/a']],
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
    /^MAX_SERVE_MAX_REQUEST_BYTES in \.env is "1\.5": it must be a whole number of at least 1\.$/,
  ],
  [
    'a wrong type in YAML',
    { yaml: 'host: 80' },
    /^"host" in .*vserve\.yaml is 80: it must be an IP address or a host name\.$/,
  ],
  [
    'a truth value that is none',
    { yaml: 'allow-extra-request-fields: maybe' },
    /is "maybe": it must be true or false\.$/,
  ],
  [
    'an unknown word',
    { flags: { 'quantization-encoding': 'q4_k' } },
    /^--quantization-encoding is "q4_k": it must be one of auto, float32, float16, bfloat16, q8_0, .* q4_0\.$/,
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
  ['an unknown key', { yaml: 'prot: 80' }, /has an unknown option "prot"\. It may have: model, .*port/],
  ['a file that names another', { yaml: 'config-file: x.yaml' }, /has an unknown option "config-file"/],
  ['a list for a file', { yaml: '- port' }, /must hold lines of the form "option: value"/],
  ['what is no YAML', { yaml: 'port: [' }, /vserve\.yaml cannot be read: .*line 1/],
  [
    'a missing file',
    { flags: { 'config-file': '/nowhere/x.yaml' } },
    /^The configuration file \/nowhere\/x\.yaml does not exist$/,
  ],
];
test.each(refused)('refuses %s', async (_, given, message) => {
  await expect(load(given)).rejects.toThrow(
    expect.objectContaining({ code: 'invalid_setting', message: expect.stringMatching(message) }),
  );
});

describe('variables', () => {
  test('one of max serve that vserve does not have is reported', async () => {
    const { warnings } = await load({ environment: { MAX_SERVE_HEADLESS: '3' }, dotEnv: 'VSERVE_HOEM=/x' });
    expect(warnings).toEqual([
      'MAX_SERVE_HEADLESS in the environment has no effect: vserve has no such setting.',
      'VSERVE_HOEM in .env has no effect: vserve has no such setting.',
    ]);
  });

  test('.env changes nothing in the environment of the process', async () => {
    await load({ dotEnv: 'MAX_SERVE_PORT=3' });
    expect(process.env['MAX_SERVE_PORT']).toBeUndefined();
  });

  test('a .env that cannot be read is an error, not an absent one', async () => {
    await mkdir(join(folder, '.env'));
    await expect(load({})).rejects.toThrow(/\.env cannot be read/);
  });
});

test('a verb reads only the options it has', async () => {
  const loaded = await loadSettings(['logLevel'], { flags: {}, environment: { MAX_SERVE_PORT: 'abc' }, folder });
  expect(loaded.settings).toEqual({ logLevel: 'INFO' });
});
