import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import OpenAI from 'openai';
import { beforeEach, describe, expect, inject, onTestFinished, test } from 'vitest';
import { killPulls } from '../../scripts/kill-pull.ts';
import { Gate } from '../support/gate.ts';
import { COMMIT, hostedFolder, sha256, startLoopbackHub } from '../support/loopback-hub.ts';
import type { LoopbackHub } from '../support/loopback-hub.ts';
import { pictureDataUri, referenceCase, shapesCheckpointDir } from '../support/shapes.ts';
import { startVserve } from '../support/vserve-process.ts';

const program = join(import.meta.dirname, '../../bin/vserve.js');
const files = hostedFolder(shapesCheckpointDir);

let folder: string;
let hub: LoopbackHub;
let environment: Record<string, string>;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vserve-pull-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  hub = await startLoopbackHub({ files });
  onTestFinished(() => hub.close());
  environment = { VSERVE_HOME: join(folder, 'home'), HF_HOME: join(folder, 'huggingface'), HF_ENDPOINT: hub.url };
});

/** Starts the built program; `limit` is a shell's command before it. */
function start(args: readonly string[], variables: Record<string, string> = {}, limit = ':') {
  const child = spawn('bash', ['-c', `${limit}; exec "$@"`, 'bash', process.execPath, program, ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH, ...environment, ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

/** Waits for its end. */
async function ended(child: ReturnType<typeof start>) {
  const closed = once(child, 'close') as Promise<[number | null]>;
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: (await closed)[0], stdout, stderr };
}

function vserve(...command: Parameters<typeof start>) {
  return ended(start(...command));
}

function pull(args: readonly string[] = [], variables: Record<string, string> = {}, limit?: string) {
  return vserve(['pull', 'org/shapes', '--backend', 'echo', ...args], variables, limit);
}

/** Bytes of the files' contents that the hub has sent. */
function bytesSent(): number {
  return hub.requests.reduce((sum, request) => sum + request.bytesSent, 0);
}

function bytesOf(paths: readonly string[]): number {
  return paths.reduce((sum, path) => sum + (files.get(path)?.content.length ?? 0), 0);
}

async function expectWholeSnapshot(): Promise<string[]> {
  const snapshot = join(folder, 'home', 'hub', 'models--org--shapes', 'snapshots', COMMIT);
  const paths = await readdir(snapshot);
  for (const path of paths) {
    expect(sha256(await readFile(join(snapshot, path)))).toBe(sha256(files.get(path)?.content ?? Buffer.alloc(0)));
  }
  return paths;
}

/** What `show` prints, without what two runs need not have in common. */
function withoutHeadingAndMemory(text: string): string {
  return text.replace(/^.*/, '').replace(/^ +Memory.*$/m, '');
}

async function damage(path: string): Promise<void> {
  const content = files.get(path)?.content ?? Buffer.alloc(0);
  const blob = join(folder, 'home', 'hub', 'models--org--shapes', 'blobs', sha256(content));
  await writeFile(blob, Buffer.from(content).fill(0, 1000, 1001));
}

test('pull, serve, and a right answer; serve alone does the same', async () => {
  const { code, stdout } = await pull();
  expect(code).toBe(0);
  const [modelPath = '', mmprojPath = ''] = stdout.trim().split('\n');
  expect((await readFile(modelPath)).subarray(0, 4).toString()).toBe('GGUF');
  expect((await readFile(mmprojPath)).subarray(0, 4).toString()).toBe('GGUF');

  const { messages, expected } = referenceCase('000');
  const [{ content } = { content: [] }] = messages;
  for (const home of [environment.VSERVE_HOME ?? '', join(folder, 'another')]) {
    hub.requests.length = 0;
    const server = await startVserve(['--model', 'org/shapes'], { ...environment, VSERVE_HOME: home });
    try {
      const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'EMPTY', maxRetries: 0 });
      const parts = content.map((part) =>
        part.type === 'text'
          ? { type: 'text' as const, text: part.text }
          : { type: 'image_url' as const, image_url: { url: pictureDataUri(part.image) } },
      );
      const answer = await client.chat.completions.create({
        model: 'org/shapes',
        messages: [{ role: 'user', content: parts }],
        temperature: 0,
      });
      expect(answer.choices[0]?.message.content).toBe(expected);
    } finally {
      await server.stop('SIGINT');
    }
    expect(bytesSent() > 0).toBe(home !== environment.VSERVE_HOME);
  }
});

test('two pulls at once: every byte is fetched once', async () => {
  const waits = new Gate();
  hub.options = { ...hub.options, fault: ({ host }) => (host === 'cdn' ? { heldUntil: waits.opened } : undefined) };
  const children = [0, 1].map(() => start(['pull', 'org/shapes', '--backend', 'echo']));
  const pulls = children.map(ended);
  for (const { stderr } of children) {
    let text = '';
    stderr.on('data', (chunk: Buffer) => {
      text += String(chunk);
      // A lock that was taken a moment ago does not tell yet by whom.
      if (/Another vserve(?: \(process \d+\))? is downloading org\/shapes/.test(text)) waits.open();
    });
  }
  const [one, other] = await Promise.all(pulls);
  expect([one?.code, other?.code]).toEqual([0, 0]);
  expect(one?.stdout).toBe(other?.stdout);
  expect(bytesSent()).toBe(bytesOf(await expectWholeSnapshot()));
});

test('a token is taken from the file of Hugging Face’s own tools, or from the file that HF_TOKEN_PATH names', async () => {
  hub.options = { ...hub.options, gated: true, tokens: { hf_reader: true } };
  const file = join(folder, 'elsewhere');
  await writeFile(file, 'hf_reader\n');
  expect((await pull(['--dry-run'])).code).toBe(2);
  expect((await pull(['--dry-run'], { HF_TOKEN_PATH: file })).code).toBe(0);
  await mkdir(join(folder, 'huggingface'));
  await rename(file, join(folder, 'huggingface', 'token'));
  expect((await pull(['--dry-run'])).code).toBe(0);
});

test('warm-cache is pull; a branch is resolved to its commit', async () => {
  hub.options = { ...hub.options, refs: { 'refs/pr/1': COMMIT } };
  const args = [
    'warm-cache',
    '--model',
    'org/shapes',
    '--huggingface-model-revision',
    'refs/pr/1',
    '--backend',
    'echo',
  ];
  const { code, stdout } = await vserve(args);
  expect(code).toBe(0);
  expect(stdout).toMatch(/model\.gguf\n.*mmproj\.gguf\n$/);
  await expectWholeSnapshot();
  const ref = join(folder, 'home', 'hub', 'models--org--shapes', 'refs', 'refs', 'pr', '1');
  expect(await readFile(ref, 'utf8')).toBe(COMMIT);
});

test('a full disk is an error that says so; with room, the pull goes on where it was', async () => {
  // Blocks of 1024 bytes: half of the weights. Node answers the limit of a file's size with EFBIG.
  const full = await pull([], {}, 'ulimit -f 2000');
  expect(full.code).toBe(1);
  expect(full.stderr).toMatch(/Error: The disk is full: EFBIG.*\n.*Free some space/);
  expect((await pull()).code).toBe(0);
  await expectWholeSnapshot();
  expect(hub.requestsFor('model.safetensors').at(-1)?.range?.[0]).toBeGreaterThan(1_900_000);
});

test('a pull that is killed at random moments is finished by the next, and fetches no verified byte twice', async () => {
  const report = await killPulls({ kills: 3, seed: 3, layers: 1, width: 256, downloadSeconds: 0.5 }, () => undefined);
  expect(report).toMatchObject({ kills: 3, fetchedTwice: 0, wrong: [] });
}, 600_000);

describe('verify', () => {
  test('fetches what is damaged, and nothing else; then all is whole', async () => {
    await pull();
    await damage('model.safetensors');
    hub.requests.length = 0;
    const { code, stdout, stderr } = await vserve(['verify']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^repaired +\S+model\.safetensors\n$/);
    expect(stderr).toMatch(/All \d+ files are intact, 1 after a repair\.\n$/);
    expect(bytesSent()).toBe(bytesOf(['model.safetensors']));
    await expectWholeSnapshot();
    expect((await vserve(['verify'])).stdout).toBe('');
  });

  test('offline says what is lost and what to do; online it is fetched', async () => {
    await pull();
    await damage('model.safetensors');
    const offline = { HF_HUB_OFFLINE: '1' };
    const { code, stdout, stderr } = await vserve(['verify'], offline);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /^removed +\S+model\.safetensors\n +It cannot be fetched now: .*HF_HUB_OFFLINE.*\n +Run "vserve verify" again later/,
    );
    expect(stderr).toMatch(/1 of \d+ files is damaged or missing/);
    expect((await vserve(['verify'], offline)).stdout).toMatch(/^missing +\S+model\.safetensors\n/);
    expect((await vserve(['verify', 'org/shapes'])).stdout).toMatch(/^repaired +\S+model\.safetensors\n$/);
    await expectWholeSnapshot();
  });
});

describe('show', () => {
  test('a checkpoint of the hub: all of it but its weights is known before they are fetched', async () => {
    const { code, stdout } = await vserve(['show', 'org/shapes', '--devices', 'cpu']);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^org/shapes on the Hub, at commit ${COMMIT}\\n`));
    const local = await vserve(['show', shapesCheckpointDir, '--devices', 'cpu']);
    expect(withoutHeadingAndMemory(stdout)).toBe(withoutHeadingAndMemory(local.stdout));
    const sent = hub.requestsFor('model.safetensors').reduce((sum, request) => sum + request.bytesSent, 0);
    expect(sent).toBeLessThanOrEqual(128 * 1024);
    expect(await readdir(folder)).toEqual([]);

    expect((await pull()).code).toBe(0);
    const fetched = await vserve(['show', 'org/shapes', '--devices', 'cpu']);
    expect(fetched.stdout).toMatch(/^org\/shapes: \/.*\n/);
    expect(fetched.stdout).toMatch(/^ +bf16 .* what auto takes; converted: \/.*\/org--shapes-bf16-/m);
  });

  test('a repository of GGUF files: every size that it has', async () => {
    const model = await readFile(inject('shapesModelPath'));
    hub.options = {
      files: new Map([
        ['shapes-Q8_0.gguf', { content: model.subarray(0, 2_000_000), lfs: true }],
        ['shapes-BF16.gguf', { content: model, lfs: true }],
        ['mmproj-shapes-f16.gguf', { content: await readFile(inject('shapesMmprojPath')), lfs: true }],
      ]),
    };
    const { stdout } = await vserve(['show', 'org/shapes', '--devices', 'cpu', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({
      type: 'gguf',
      path: 'org/shapes',
      commit: COMMIT,
      description: { family: 'gemma3', parameters: 1_682_944, visionParameters: 336_672 },
      precisions: [
        { precision: 'bf16', fits: true },
        { precision: 'q8_0', fits: true },
      ],
    });
    expect(await readdir(folder)).toEqual([]);
  });

  test('what no hub and no disk has', async () => {
    const { code, stderr } = await vserve(['show', 'org/shapes'], { HF_HUB_OFFLINE: '1' });
    expect(code).toBe(2);
    expect(stderr).toMatch(/org\/shapes \(main\) is not on this machine, and HF_HUB_OFFLINE prevents the download/);
  });
});

test('an architecture that is not known: the error leads to the other converter, and that to what it needs', async () => {
  const config = JSON.parse(files.get('config.json')?.content.toString() ?? '') as object;
  const content = Buffer.from(JSON.stringify({ ...config, architectures: ['Gemma2ForCausalLM'] }));
  hub.options = { files: new Map(files).set('config.json', { content, lfs: false }) };
  const refused = await pull();
  expect(refused.code).toBe(2);
  expect(refused.stderr).toMatch(/nearest: Gemma3ForCausalLM[^]*With --converter llama\.cpp/);
  const args = ['pull', 'org/shapes', '--converter', 'llama.cpp', '--python', join(folder, 'no-python')];
  const { code, stderr } = await vserve(args);
  expect(code).toBe(2);
  expect(stderr).toMatch(/needs numpy, torch, .* No Python could be started \(tried .*no-python\)/);
  expect(hub.requestsFor('model.safetensors')).toEqual([]);
});

describe('what is printed', () => {
  test('lines of JSON', async () => {
    const { stdout } = await pull(['--json']);
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string });
    expect(lines.find(({ event }) => event === 'plan')).toMatchObject({ repository: 'org/shapes', commit: COMMIT });
    expect(lines.at(-1)).toMatchObject({ event: 'ready', modelPath: expect.stringMatching(/model\.gguf$/) });
    expect(new Set(lines.map(({ event }) => event))).toEqual(new Set(['plan', 'progress', 'done', 'convert', 'ready']));
  });

  test('lines of JSON tell what went wrong too', async () => {
    const { code, stdout } = await pull(['--json', '--huggingface-model-revision', 'v9']);
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({
      event: 'error',
      code: 'revision_not_found',
      message: expect.stringContaining('org/shapes has no revision "v9"'),
    });
  });

  test('with --quiet only the paths', async () => {
    const { stdout, stderr } = await pull(['--quiet']);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^\/.*model\.gguf\n\/.*mmproj\.gguf\n$/);
  });

  test('with --dry-run what would be fetched; nothing is', async () => {
    const { stdout } = await pull(['--dry-run']);
    expect(stdout).toMatch(/^org\/shapes at 0123456789abcdef.*\n.*\n/);
    expect(stdout).toMatch(/model\.safetensors +4\.1 MB\n/);
    expect(stdout).toMatch(/To download: 4\.2 MB of 4\.2 MB\n$/);
    expect(await readdir(folder)).toEqual([]);
  });

  test('never the token', async () => {
    hub.options = { ...hub.options, tokens: { hf_secret123456: false }, gated: true };
    const { code, stdout, stderr } = await pull(['--log-level', 'DEBUG'], { HF_TOKEN: 'hf_secret123456' });
    expect(code).toBe(2);
    expect(stderr).toMatch(/org\/shapes is gated, and the account of the token from HF_TOKEN has no access/);
    expect(stdout + stderr).not.toContain('secret');
    const serve = ['serve', '--model', 'org/shapes', '--backend', 'echo', '--port', '0', '--pretty-print-config'];
    const served = await vserve(serve, { HF_TOKEN: 'hf_secret123456' });
    expect(served.stderr).toMatch(/HF_TOKEN +set \(hidden\) \(HF_TOKEN in the environment\)/);
    expect(served.stdout + served.stderr).not.toContain('secret');
  });
});

test('a model that cannot be converted is refused before its weights are fetched, with what can', async () => {
  const config = { content: Buffer.from('{"architectures":["GPT2LMHeadModel"]}'), lfs: false };
  hub.options = { files: new Map(files).set('config.json', config) };
  const { code, stderr } = await pull();
  expect(code).toBe(2);
  expect(stderr).toMatch(/GPT2LMHeadModel.*Gemma3ForConditionalGeneration/s);
  expect(hub.requestsFor('model.safetensors')).toEqual([]);
});

test('a repository of GGUF files is served as it is', async () => {
  const { stdout } = await pull();
  const [modelPath = '', mmprojPath = ''] = stdout.trim().split('\n');
  const [model, mmproj] = await Promise.all([readFile(modelPath), readFile(mmprojPath)]);
  hub.options = {
    repository: 'org/shapes-GGUF',
    files: new Map([
      ['shapes-BF16.gguf', { content: model, lfs: true }],
      ['shapes-Q8_0.gguf', { content: Buffer.from('GGUF of another precision'), lfs: true }],
      ['mmproj-shapes-f16.gguf', { content: mmproj, lfs: true }],
    ]),
  };
  const pulled = await vserve(['pull', 'org/shapes-GGUF', '--quantization-encoding', 'bfloat16', '--backend', 'echo']);
  const [model2 = '', mmproj2 = ''] = pulled.stdout.trim().split('\n');
  expect(model2).toMatch(/snapshots\/.*\/shapes-BF16\.gguf$/);
  expect(await realpath(model2)).toContain(sha256(model));
  expect(await realpath(mmproj2)).toContain(sha256(mmproj));
  expect(hub.requestsFor('shapes-Q8_0.gguf')).toEqual([]);
});

test('options of the hub are refused for a model on the disk', async () => {
  const { code, stderr } = await vserve([
    'serve',
    '--model',
    shapesCheckpointDir,
    '--backend',
    'echo',
    '--port',
    '0',
    '--force-download',
  ]);
  expect(code).toBe(2);
  expect(stderr).toMatch(/--force-download: only for a model of the Hugging Face Hub/);
});
