import { copyFile, mkdtemp, rm, truncate, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { startVserve, type VserveProcess } from '../support/vserve-process.ts';

let folder: string;
let modelPath: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vserve-changes-'));
  modelPath = join(folder, 'model.gguf');
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(() => copyFile(inject('shapesModelPath'), modelPath));

const serve = (...options: readonly string[]): Promise<VserveProcess> =>
  startVserve(['--model', modelPath, '--threads', '1', '--metrics-endpoint-port', 'off', ...options], {
    VSERVE_HOME: join(folder, 'home'),
  });

function ask(url: string, content: string): Promise<Response> {
  const body = JSON.stringify({ messages: [{ role: 'user', content }], max_tokens: 8 });
  return fetch(`${url}/v1/chat/completions`, { method: 'POST', body });
}

describe.skipIf(process.platform !== 'linux')('a model file that is served', () => {
  test('may be removed: the server goes on', async () => {
    const server = await serve();
    await unlink(modelPath);
    expect((await ask(server.url, 'Hello')).status).toBe(200);
    expect(await server.stop()).toBe(0);
  });

  test('that is truncated ends the server, which names it; one that starts again finds it unreadable', async () => {
    const server = await serve('--restart-on-crash');
    await truncate(modelPath, 0);
    await expect(ask(server.url, 'Hello')).rejects.toThrow();
    expect(await server.ended()).toBe(2);
    expect(server.stderr()).toContain(`vserve: SIGBUS: a model file changed while it was served: ${modelPath} (`);
    expect(server.stderr()).toMatch(
      /ERROR {3}The server ended with SIGBUS after [^]* POST \/v1\/chat\/completions for/,
    );
    expect(server.stderr()).toMatch(/Error: \S*model\.gguf is not a GGUF file/);
  });
});
