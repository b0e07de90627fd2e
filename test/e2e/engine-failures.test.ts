import { execFileSync } from 'node:child_process';
import { copyFile, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { startVserve, type VserveProcess } from '../support/vserve-process.ts';

let folder: string;
/** Has llama_decode fail as a file says. */
let library: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vserve-failures-'));
  library = join(folder, 'failing-decode.so');
  if (process.platform !== 'linux') return;
  const source = join(import.meta.dirname, 'failing-decode.cpp');
  execFileSync(process.env['CXX'] ?? 'c++', ['-std=c++17', '-shared', '-fPIC', source, '-ldl', '-o', library]);
});
afterAll(() => rm(folder, { recursive: true }));

const start = (modelPath: string, environment: Readonly<Record<string, string>> = {}): Promise<VserveProcess> =>
  startVserve(['--model', modelPath, '--served-model-name', 'shapes', '--threads', '1'], {
    VSERVE_HOME: join(folder, 'home'),
    ...environment,
  });

function ask({ url }: VserveProcess, content: string, maxTokens = 3): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'shapes',
      messages: [{ role: 'user', content }],
      max_tokens: maxTokens,
      temperature: 0,
    }),
  });
}

describe.skipIf(process.platform !== 'linux')('while llama.cpp fails to decode', () => {
  let failure: string;
  let server: VserveProcess;
  beforeAll(async () => {
    failure = join(folder, 'failure');
    server = await start(inject('shapesModelPath'), { LD_PRELOAD: library, FAILING_DECODE: failure });
  });
  afterAll(async () => {
    expect(await server.stop()).toBe(0);
  });

  // Learnt by heart: a token of it is never a close call, whatever else is in the batch.
  const questions = ['Tell me a story.', 'Tell me a story!', 'Please tell me a story.', 'Tell me a long story.'];
  const answersOf = async (contents: readonly string[]): Promise<unknown[]> => {
    const responses = await Promise.all(contents.map((content) => ask(server, content, 40)));
    const bodies = (await Promise.all(responses.map((response) => response.json()))) as { choices?: unknown }[];
    return bodies.map((body) => body.choices ?? body);
  };

  test('what it throws ends the request, not the server', async () => {
    const before = await answersOf(['Hello']);
    await writeFile(failure, 'throw');
    for (const error of await answersOf(['Hello', 'Who are you?'])) {
      expect(error).toMatchObject({
        error: { code: 'generation_failed', message: expect.stringContaining('no memory for the batch') as unknown },
      });
    }
    await rm(failure);
    expect(await answersOf(['Hello'])).toEqual(before);
  });

  test.each([
    ['has no room for more than four tokens', '1 tokens 4'],
    ['has no room for more than one sequence', '1 sequences 1'],
    ['cannot compute two sequences together', '-3 sequences 1'],
  ])('every request is answered as ever where it %s', async (_, rule) => {
    const before = await answersOf(questions);
    await writeFile(failure, rule);
    expect(await answersOf(questions)).toEqual(before);
    await rm(failure);
  });

  test('only the request fails that it cannot compute alone', async () => {
    const [before] = await answersOf(['Tell me a story.']);
    await writeFile(failure, '-3 position 200');
    const [story, tooLong] = await answersOf(['Tell me a story.', 'word '.repeat(250)]);
    await rm(failure);
    expect(story).toEqual(before);
    expect(tooLong).toMatchObject({ error: { code: 'generation_failed' } });
  });
});

test.skipIf(process.platform === 'win32')('a model file that is cut short is named as the process ends', async () => {
  const modelPath = join(folder, 'model.gguf');
  await copyFile(inject('shapesModelPath'), modelPath);
  const server = await start(modelPath);
  await truncate(modelPath, 1000);
  await expect(ask(server, 'Hello')).rejects.toThrow();
  expect(await server.stop('SIGCONT')).toBe('SIGBUS');
  expect(server.stderr()).toMatch(/SIGBUS.*model\.gguf \(\d+ bytes when it was loaded, 1000 now\)/);
});

test('a model file that is too short for its header is refused by name', async () => {
  const modelPath = join(folder, 'short.gguf');
  await copyFile(inject('shapesModelPath'), modelPath);
  await truncate(modelPath, 2_000_000);
  await expect(start(modelPath)).rejects.toThrow(/short\.gguf could not be loaded[^]*not within the file bounds/);
});

test.skipIf(process.platform !== 'linux')(
  'a second signal ends the process at once, in the middle of an answer',
  async () => {
    const failure = join(folder, 'hang');
    const server = await start(inject('shapesModelPath'), { LD_PRELOAD: library, FAILING_DECODE: failure });
    const { body } = await fetch(`${server.url}/v1/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({ messages: [{ role: 'user', content: 'Hi' }], stream: true, ignore_eos: true }),
    });
    await body?.getReader().read();
    // An answer that were over would end the process in order.
    await writeFile(failure, 'hang');
    process.kill(server.pid, 'SIGTERM');
    while (!server.stderr().includes('Stopping')) await new Promise(setImmediate);
    expect(await server.stop('SIGTERM')).toBe('SIGTERM');
  },
);
