import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { startVserve, type VserveProcess } from '../support/vserve-process.ts';

async function ask({ url }: VserveProcess, content: string, maxTokens: number): Promise<void> {
  const messages = [{ role: 'user', content }];
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'shapes', messages, max_tokens: maxTokens, ignore_eos: true, temperature: 0 }),
  });
  expect(response.status).toBe(200);
  await response.text();
}

async function buildLibrary(folder: string): Promise<string> {
  const library = join(folder, 'counting-calls.so');
  const source = join(import.meta.dirname, 'counting-calls.cpp');
  await promisify(execFile)(process.env['CXX'] ?? 'c++', [
    '-std=c++17',
    '-shared',
    '-fPIC',
    source,
    '-ldl',
    '-o',
    library,
  ]);
  return library;
}

/** Serves the model with these flags, for what `use` does, and returns the counts. */
async function countCalls(flags: readonly string[], use: (server: VserveProcess) => Promise<void>): Promise<number[]> {
  const folder = await mkdtemp(join(tmpdir(), 'vserve-calls-'));
  try {
    const counted = join(folder, 'counted');
    const model = ['--model', inject('shapesModelPath'), '--served-model-name', 'shapes', '--threads', '1'];
    const server = await startVserve([...model, ...flags], {
      VSERVE_HOME: join(folder, 'home'),
      LD_PRELOAD: await buildLibrary(folder),
      COUNTED_CALLS: counted,
    });
    await use(server);
    expect(await server.stop()).toBe(0);
    return (await readFile(counted, 'utf8')).split(' ').map(Number);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const layers = 6;

describe.skipIf(process.platform !== 'linux')('what is asked of llama.cpp for several conversations', () => {
  const [places, rounds, tokens] = [4, 4, 100];
  let copies: number;
  let gaps: number;
  beforeAll(async () => {
    [copies = NaN, gaps = NaN] = await countCalls(['--max-batch-size', String(places)], async (server) => {
      for (let round = 0; round < rounds; round++) {
        // The second ends long before those on both sides of it.
        const lengths = [tokens, tokens / 4, tokens, tokens];
        await Promise.all(
          lengths.map((length, i) => ask(server, `${String(round * places + i)} times: tell me a story.`, length)),
        );
      }
    });
  });

  test('copying a conversation takes a few calls a layer, not one a token', () => {
    // All but the last round's are parked. Keys and values, and of each at most a few runs of cells.
    expect(copies).toBeGreaterThanOrEqual((rounds - 1) * places * layers * 2);
    expect(copies).toBeLessThan(rounds * places * layers * 2 * 8);
  });

  test('those that generate stand side by side, also when one of them ends', () => {
    expect(gaps).toBe(0);
  });
});

test.skipIf(process.platform !== 'linux')('a long prompt is not copied at each of its steps', async () => {
  const flags = ['--max-batch-size', '1', '--max-batch-input-tokens', '16'];
  const copiesOf = async (words: number): Promise<number> => {
    const [copies = NaN] = await countCalls(flags, (server) => ask(server, 'red '.repeat(words), 2));
    return copies;
  };
  const [short, long] = [await copiesOf(100), await copiesOf(800)];
  // Eight times the steps, and three times as often half of what is left done.
  expect(long - short).toBeLessThanOrEqual(4 * layers * 2);
});
