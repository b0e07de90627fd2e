import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
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

describe.skipIf(process.platform !== 'linux')('what is asked of llama.cpp for several conversations', () => {
  const [places, rounds, tokens, layers] = [4, 4, 100, 6];
  let folder: string;
  let copies: number;
  let gaps: number;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vserve-calls-'));
    const library = join(folder, 'counting-calls.so');
    const source = join(import.meta.dirname, 'counting-calls.cpp');
    execFileSync(process.env['CXX'] ?? 'c++', ['-std=c++17', '-shared', '-fPIC', source, '-ldl', '-o', library]);
    const counted = join(folder, 'counted');
    const model = ['--model', inject('shapesModelPath'), '--served-model-name', 'shapes'];
    const server = await startVserve([...model, '--threads', '1', '--max-batch-size', String(places)], {
      VSERVE_HOME: join(folder, 'home'),
      LD_PRELOAD: library,
      COUNTED_CALLS: counted,
    });
    for (let round = 0; round < rounds; round++) {
      // The second ends long before those on both sides of it.
      const lengths = [tokens, tokens / 4, tokens, tokens];
      await Promise.all(
        lengths.map((length, i) => ask(server, `${String(round * places + i)} times: tell me a story.`, length)),
      );
    }
    expect(await server.stop()).toBe(0);
    [copies = NaN, gaps = NaN] = (await readFile(counted, 'utf8')).split(' ').map(Number);
  });
  afterAll(() => rm(folder, { recursive: true }));

  test('copying a conversation takes a few calls a layer, not one a token', () => {
    // All but the last round's are parked. Keys and values, and of each at most a few runs of cells.
    expect(copies).toBeGreaterThanOrEqual((rounds - 1) * places * layers * 2);
    expect(copies).toBeLessThan(rounds * places * layers * 2 * 8);
  });

  test('those that generate stand side by side, also when one of them ends', () => {
    expect(gaps).toBe(0);
  });
});
