import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { fakeBackend, model, runVserve, temporaryFolder } from './run-vserve.ts';

const ready = /Server ready on (http:\/\/127\.0\.0\.1:\d+) \(Press CTRL\+C to quit\)/;

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});

async function checkpoint(...files: string[]): Promise<string> {
  const source = join(folder, 'checkpoint');
  await mkdir(source);
  for (const file of ['config.json', 'model.safetensors', ...files]) await writeFile(join(source, file), '{}');
  return source;
}

function kebabCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function serve(args: readonly string[], environment: NodeJS.ProcessEnv = {}) {
  return runVserve(folder, ['serve', '--backend', fakeBackend, ...args], environment);
}

/** What it prints on standard error, to its end: by the time that standard output is read, all of it need not have come. */
async function printedBy(vserve: ReturnType<typeof serve>): Promise<string> {
  await vserve.until(ready);
  vserve.kill('SIGINT');
  return (await vserve.exit()).stderr;
}

describe('the server', () => {
  test('says that it is ready when it answers, and stops in order at Ctrl+C', async () => {
    const vserve = serve(['--model', await model(folder)]);
    const [line, url = ''] = await vserve.until(ready);
    expect((await fetch(url)).status).toBe(200);
    vserve.kill('SIGINT');
    const { code, stdout, stderr } = await vserve.exit();
    const stars = '*'.repeat(80);
    expect(stdout).toBe(`\n${stars}\n🚀 ${line}\n${stars}\n\n`);
    expect(stderr).toMatch(/server warmed up\n.*Stopping\.\n.*server shut down\n.*model closed\n.*Stopped/);
    expect(code).toBe(0);
  });

  test('serves a backend that needs no model without one, under its name', async () => {
    const vserve = runVserve(folder, ['serve', '--backend', 'echo']);
    const [, url = ''] = await vserve.until(ready);
    expect(await (await fetch(url)).json()).toMatchObject({ servedModelName: 'echo' });
    vserve.kill('SIGINT');
    expect((await vserve.exit()).code).toBe(0);
  });

  test('stops in order at SIGTERM, and says how long it waits for whom', async () => {
    const vserve = serve(['--model', await model(folder), '--served-model-name', 'busy']);
    await vserve.until(ready);
    vserve.kill('SIGTERM');
    const { code, stderr } = await vserve.exit();
    expect(stderr).toMatch(/Stopping: 2 running requests have 5 s to finish\.\n.*server shut down\n.*model closed/);
    expect(code).toBe(0);
  });

  test('ends at once at a second Ctrl+C', async () => {
    const vserve = serve(['--model', await model(folder), '--served-model-name', 'stuck']);
    await vserve.until(ready);
    vserve.kill('SIGINT');
    await vserve.until(/Stopping/);
    vserve.kill('SIGINT');
    expect((await vserve.exit()).code).toBe(130);
  });

  test('goes on when nobody reads its output', async () => {
    const vserve = serve(['--model', await checkpoint(), '--log-level', 'DEBUG']);
    vserve.closeStdout();
    await vserve.until(/Loaded on fake/);
    vserve.kill('SIGINT');
    const { code, stderr } = await vserve.exit();
    expect(stderr).not.toMatch(/EPIPE/);
    expect(code).toBe(0);
  });

  test.each([
    ['unless it is told otherwise', [], true],
    ['not with --headless', ['--headless'], false],
    ["not without OpenAI's API, which it asks by", ['--api-types', 'ollama'], false],
  ])('has a playground, %s', async (_, args, playground) => {
    const vserve = serve(['--model', await model(folder), ...args]);
    const [, url = ''] = await vserve.until(ready);
    expect(await (await fetch(url)).json()).toMatchObject({ settings: { playground } });
    vserve.kill('SIGINT');
    expect((await vserve.exit()).stderr.includes(`The playground is at ${url}/`)).toBe(playground);
  });

  test('gets its settings', async () => {
    await writeFile(join(folder, 'vserve.yaml'), 'limit-images-per-prompt: 3\nserved-model-name: tiny\n');
    await writeFile(
      join(folder, '.env'),
      'MAX_SERVE_MAX_REQUEST_BYTES=1000\nMAX_SERVE_ALLOWED_ORIGINS=http://b.example\n',
    );
    const args = ['--model', await model(folder), '--config-file', 'vserve.yaml', '--allow-extra-request-fields'];
    args.push('--allowed-host', 'proxy.example');
    const vserve = serve([...args, '--allowed-image-root', '.', '--no-media-url-ssrf-protection-enabled'], {
      MAX_SERVE_HTTP_KEEPALIVE_TIMEOUT_S: '7',
      MAX_SERVE_MEDIA_URL_ALLOWED_HOSTS: 'a.example',
    });
    const [, url = ''] = await vserve.until(ready);
    expect(await (await fetch(url)).json()).toEqual({
      servedModelName: 'tiny',
      settings: {
        maxRequestBytes: 1000,
        maxRequestMemoryBytes: 536_870_912,
        maxStoredResponses: 1000,
        maxStoredResponseBytes: 256 * 1024 * 1024,
        maxStoredFiles: 1000,
        maxStoredFileBytes: 512 * 1024 * 1024,
        bodyTimeoutS: 300,
        apiTypes: ['openai', 'responses', 'anthropic', 'ollama'],
        slots: false,
        playground: true,
        traceExporters: [],
        allowedOrigins: [],
        allowedHosts: ['proxy.example'],
        apiKeys: [],
        trustedProxies: [],
        unixSocketMode: 0o600,
        keepAliveTimeoutS: 7,
        gracefulShutdownTimeoutS: 5,
        allowExtraRequestFields: true,
        maxImagesPerRequest: 3,
      },
      media: {
        allowedImageRoots: [folder],
        maxLocalImageBytes: 20_971_520,
        maxMediaBytes: 104_857_600,
        maxImagePixels: 100_000_000,
        maxDocumentPages: 100,
        documentPageSide: 1536,
        maxVideoFrames: 64,
        maxVideoSeconds: 600,
        ffmpeg: 'ffmpeg',
        mediaTimeoutS: 60,
        ssrfProtectionEnabled: false,
        allowedMediaHosts: ['a.example'],
      },
    });
  });

  test('serves a model under the name it was asked for by, also without --model', async () => {
    const source = await checkpoint();
    const [, url = ''] = await serve([source]).until(ready);
    expect(await (await fetch(url)).json()).toMatchObject({ servedModelName: source });
  });

  test('has the backend load the model as every one of its options says', async () => {
    const engine = {
      maxLength: 99,
      maxBatchSize: 3,
      devices: 'cpu',
      enablePrefixCaching: false,
      maxVisionCacheEntries: 4,
      mmprojEncoding: 'f32',
      maxBatchInputTokens: 5,
      deviceMemoryUtilization: 0.5,
      kvCacheFormat: 'q8_0',
      flashAttention: 'on',
      mmap: false,
      mlock: true,
      embeddings: true,
      pooling: 'mean',
      threads: 6,
      threadsBatch: 7,
      upstreamPolicy: 'round-robin',
      upstreamTimeoutS: 8,
      upstreamHealthIntervalS: 9,
      upstreamMaxImagePixels: 10,
      mediaPassthrough: true,
    };
    const lines = Object.entries({ ...engine, logLevel: 'DEBUG' }).map(
      ([name, value]) => `${kebabCase(name)}: ${value}`,
    );
    await writeFile(join(folder, 'vserve.yaml'), lines.join('\n'));
    const vserve = serve(['--model', await checkpoint(), '--config-file', 'vserve.yaml']);
    const [, told = ''] = /load (\{.*\})/.exec(await printedBy(vserve)) ?? [];
    expect(JSON.parse(told)).toEqual({ file: 'model.gguf', mmproj: 'mmproj.gguf', upstreams: [], ...engine });
  });
});

describe('what a person sees', () => {
  test('a summary, then plain lines where there is no terminal', async () => {
    const vserve = serve(['--model', await checkpoint()]);
    const stderr = await printedBy(vserve);
    expect(stderr).toMatch(/vserve \d+\.\d+\.\d+\n\n {2}model +\S*checkpoint\n/);
    expect(stderr).toMatch(/ {2}host +127\.0\.0\.1\n/);
    expect(stderr).not.toMatch(/max-request-bytes/);
    expect(stderr).toMatch(/ {2}max-request-memory-bytes +512 MiB\n/);
    expect(stderr).toMatch(/INFO {4}Converting: model\.gguf \(4\.1 kB\) 50 %\n.*INFO {4}Converted \(4\.1 kB\) in \d/);
    expect(stderr).toMatch(/INFO {4}Loading: model 50 %\n.*INFO {4}Loaded on fake \(64 tokens, 2 at a time\) in \d/);
    expect(stderr).not.toContain('\u001B');
  });

  test('every option and its origin with --pretty-print-config', async () => {
    const stderr = await printedBy(serve(['--model', await model(folder), '--pretty-print-config']));
    expect(stderr).toMatch(/ port +0 \(MAX_SERVE_PORT in the environment\)\n/);
    expect(stderr).toMatch(/ max-request-bytes +100 MiB \(default\)\n/);
    expect(stderr).toMatch(/ VSERVE_HOME +\S+ \(VSERVE_HOME in the environment\)\n/);
  });

  test('nothing but the ready line with --log-level ERROR', async () => {
    const vserve = runVserve(folder, [
      '--log-level',
      'ERROR',
      'serve',
      '--backend',
      fakeBackend,
      '--model',
      await checkpoint(),
    ]);
    await vserve.until(ready);
    vserve.kill('SIGINT');
    expect((await vserve.exit()).stderr).toBe('');
  });

  test('a warning about images from anywhere', async () => {
    const vserve = serve(['--model', await model(folder), '--no-media-url-ssrf-protection-enabled']);
    expect(await printedBy(vserve)).toMatch(/WARNING Images are fetched from any address/);
  });

  test('that nothing protects the server', async () => {
    const path = await model(folder);
    expect(await printedBy(serve([path]))).toMatch(
      /INFO {4}No authentication and no TLS: only programs on this machine can connect/,
    );
    const [page] = await serve([path, '--host', '0.0.0.0']).until(
      /The playground is at \S+[^]*WARNING No authentication and no TLS: anyone who can reach port \d+ on 0\.0\.0\.0 can use this server/,
    );
    // Not every browser takes the address of all interfaces for one.
    expect(page).toMatch(/^The playground is at http:\/\/localhost:\d+\/\n/);
  });

  test('what came from .env, without the values, and what was not taken from it', async () => {
    await writeFile(join(folder, '.env'), 'MAX_SERVE_MAX_QUEUE_SIZE=77\nVSERVE_PYTHON=./evil\n');
    const stderr = await printedBy(serve([await model(folder)]));
    expect(stderr).toMatch(/INFO {4}From \.env: MAX_SERVE_MAX_QUEUE_SIZE\n/);
    expect(stderr).toMatch(/WARNING VSERVE_PYTHON in \.env is ignored/);
  });

  test('a warning about variables that have no effect', async () => {
    const vserve = serve(['--model', await model(folder)], { MAX_SERVE_PROT: '80' });
    expect(await printedBy(vserve)).toMatch(/WARNING MAX_SERVE_PROT in the environment has no effect/);
  });
});

describe('the port', () => {
  test('is open while the model loads, and tells how far it is', async () => {
    const vserve = serve(['--model', await model(folder, 'slow.gguf'), '--log-level', 'DEBUG']);
    const [, url = ''] = await vserve.until(/open at (\S+)/);
    await vserve.until(/Loading: model/);
    expect(await (await fetch(url)).json()).toEqual({ progress: { stage: 'loading', fraction: 0.5 } });
    expect(vserve.text.stdout).toBe('');
    vserve.kill('SIGTERM');
    const { code, stderr } = await vserve.exit();
    expect(stderr).toMatch(/server shut down\n/);
    expect(code).toBe(143);
  });

  test('is open while a checkpoint is converted', async () => {
    const vserve = serve(['--model', await checkpoint('slow'), '--log-level', 'DEBUG']);
    const [, url = ''] = await vserve.until(/open at (\S+)/);
    await vserve.until(/Converting/);
    expect(await (await fetch(url)).json()).toEqual({ progress: { stage: 'converting', fraction: 0.5 } });
    vserve.kill('SIGINT');
    expect((await vserve.exit()).code).toBe(130);
  });

  test('closes when the load fails', async () => {
    const { code, stderr } = await serve(['--model', await model(folder, 'broken.gguf')]).exit();
    expect(stderr).toMatch(/server shut down\nError: The model is broken\.\n$/);
    expect(code).toBe(1);
  });
});

describe('API keys', () => {
  test('are shown to nobody: not by the server, nor in the list of processes', async () => {
    const args = ['--model', await model(folder), '--api-key', 'secret', '--pretty-print-config'];
    const vserve = serve(args, { VSERVE_SSL_KEYFILE_PASSWORD: '' });
    await vserve.until(ready);
    if (process.platform === 'linux') {
      expect(await readFile(`/proc/${vserve.pid}/cmdline`, 'utf8')).toMatch(/^vserve serve\0*$/);
    }
    vserve.kill('SIGINT');
    const { stdout, stderr } = await vserve.exit();
    expect(stderr).toMatch(/ api-key +set \(hidden\) \(--api-key\)\n/);
    expect(stderr).toMatch(/No TLS: only programs on this machine can connect/);
    expect(stdout + stderr).not.toContain('secret');
  });

  test('come from .env only where no file has them', async () => {
    await writeFile(join(folder, '.env'), 'VSERVE_API_KEY=secret\n');
    const vserve = serve(['--model', await model(folder)]);
    expect(await printedBy(vserve)).toMatch(/No TLS: only programs on this machine can connect/);
    const { code, stderr } = await serve(['--model', 'x', '--api-key-file', 'keys']).exit();
    expect(stderr).toMatch(/Error: VSERVE_API_KEY in \.env would add a key to those of --api-key-file\./);
    expect(code).toBe(2);
  });

  test('and certificates are read again at SIGHUP, and the server goes on', async () => {
    const vserve = serve(['--model', await model(folder)]);
    await vserve.until(ready);
    vserve.kill('SIGHUP');
    await vserve.until(/files read again/);
    vserve.kill('SIGTERM');
    expect((await vserve.exit()).code).toBe(0);
  });
});

describe('Ctrl+C before the server is ready', () => {
  test('ends a conversion and leaves nothing of it', async () => {
    const vserve = serve(['--model', await checkpoint('slow')]);
    await vserve.until(/Converting/);
    expect(await readdir(join(folder, 'home', 'converting'))).toHaveLength(1);
    vserve.kill('SIGINT');
    const { code, stdout, stderr } = await vserve.exit();
    expect(stderr).toMatch(/\nStopped\.\n$/);
    expect(stdout).toBe('');
    expect(code).toBe(130);
    expect(await readdir(join(folder, 'home', 'converting'))).toEqual([]);
    expect(await readdir(join(folder, 'home', 'locks'))).toEqual([]);
  });

  test('ends a load', async () => {
    const vserve = serve(['--model', await model(folder, 'slow.gguf')]);
    await vserve.until(/Loading/);
    vserve.kill('SIGINT');
    expect((await vserve.exit()).code).toBe(130);
  });

  test('and SIGTERM give the exit code that a shell gives', async () => {
    const vserve = serve(['--model', await model(folder, 'slow.gguf')]);
    await vserve.until(/Loading/);
    vserve.kill('SIGTERM');
    expect((await vserve.exit()).code).toBe(143);
  });
});

describe('a failure', () => {
  test('of a busy port comes before the model', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void other.close());
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const { code, stdout, stderr } = await serve(['--model', await checkpoint(), '--port', String(port)]).exit();
    expect(stderr).toMatch(`Error: The network port ${port} is already in use.`);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });

  test('of the backend comes before a conversion', async () => {
    const { code, stderr } = await serve([
      '--model',
      await checkpoint(),
      '--backend',
      './none.js',
      '--metrics-endpoint-port',
      'off',
    ]).exit();
    expect(stderr).toMatch(/^Error: The backend "\.\/none\.js" could not be loaded: /);
    expect(code).toBe(2);
  });

  test('of the load has exit code 1 and no stack', async () => {
    const { code, stderr } = await serve(['--model', await model(folder, 'broken.gguf')]).exit();
    expect(stderr).toMatch(/\nError: The model is broken\.\n$/);
    expect(code).toBe(1);
  });

  test('has its stack with --log-level DEBUG', async () => {
    const { stderr } = await serve(['--model', await model(folder, 'broken.gguf'), '--log-level', 'DEBUG']).exit();
    expect(stderr).toMatch(/Error: The model is broken\.\n.*DEBUG.*model is broken\.\n +at .*fake-backend\.js/);
  });

  test('of the server ends the loading of the model', async () => {
    const slow = await model(folder, 'slow.gguf');
    const { code, stderr } = await serve(['--model', slow, '--max-pending-requests', '666']).exit();
    expect(stderr).toMatch(/\nError: Someone was faster\.\n$/);
    expect(code).toBe(2);
  });

  const mistakes: readonly [string, readonly string[], RegExp][] = [
    ['no model', [], /^Error: No model to serve\. Give one: vserve serve --model org\/name\n$/],
    ['a model that is missing', ['--model', './nowhere'], /Error: The model "\.\/nowhere" does not exist/],
    ['a model that is not here, offline', ['--model', 'org/name'], /Error: org\/name \(main\) is not on this machine/],
    ['an empty key', ['--model', 'x', '--api-key', ''], /^Error: --api-key is invalid: it must be keys of visible/],
    [
      'a key file without keys',
      ['--backend', 'echo', '--api-key-file', '/dev/null'],
      /Error: The key file \/dev\/null has no key\./,
    ],
    [
      'a limit without keys',
      ['--model', 'x', '--max-requests-per-key', '1'],
      /^Error: --max-requests-per-key needs keys/,
    ],
    [
      'a key without a certificate',
      ['--model', 'x', '--ssl-keyfile', 'k'],
      /^Error: --ssl-keyfile needs --ssl-certfile/,
    ],
    [
      'a certificate that is missing',
      ['--backend', 'echo', '--ssl-keyfile', 'k', '--ssl-certfile', 'c'],
      /Error: --ssl-keyfile names k, which does not exist/,
    ],
    ['a bad value', ['--model', 'x', '--port', 'http'], /^Error: --port is "http": it must be a whole number/],
    [
      'a root that is no folder',
      ['--model', 'x', '--allowed-image-root', '/none'],
      /^Error: --allowed-image-root names "\/none", which is not a readable folder/,
    ],
    ['an unknown flag', ['--prot', '1'], /^Error: unknown option '--prot'\n {2}\(Did you mean --port\?\)\n/],
    ['two models', ['--model', 'x', 'y'], /^Error: Two models were given: y and x\. Give only one, or several/],
    ['an argument too many', ['x', 'y'], /^Error: too many arguments/],
  ];
  test.each(mistakes)('from %s has exit code 2', async (_, args, message) => {
    const { code, stdout, stderr } = await serve(args, { HF_HUB_OFFLINE: '1' }).exit();
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/\n +at /);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });
});
