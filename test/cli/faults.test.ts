import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { runVserve, temporaryFolder } from './run-vserve.ts';
import type { RunningVserve } from './run-vserve.ts';

const crashingBackend = join(import.meta.dirname, 'crashing-backend.js');
const ready = /Server ready on (http:\/\/127\.0\.0\.1:\d+) /;

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});

function serve(args: readonly string[], launcher: readonly string[] = []): RunningVserve {
  const common = ['serve', '--backend', crashingBackend, '--metrics-endpoint-port', 'off'];
  return runVserve(folder, [...common, ...args], {}, { isReal: true, launcher });
}

function ask(url: string, content: string): Promise<Response> {
  const body = JSON.stringify({ model: 'crashing', messages: [{ role: 'user', content }] });
  return fetch(`${url}/v1/chat/completions`, { method: 'POST', body });
}

describe('SIGTERM under load', () => {
  test('ends what takes too long with an error, and the server with exit code 0', async () => {
    const vserve = serve(['--graceful-shutdown-timeout-s', '0', '--max-batch-size', '20']);
    const [, url = ''] = await vserve.until(ready);
    const held = Array.from({ length: 20 }, (_, number) => ask(url, `hold ${number}`));
    await vserve.until(/(?:[^]*?holding\n){20}/);
    vserve.kill('SIGTERM');
    const answers = await Promise.all(held);
    for (const answer of answers) expect(answer.status).toBe(503);
    const { code, stderr } = await vserve.exit();
    expect(stderr).toMatch(/Stopping: 20 running requests have 0 s to finish\./);
    expect(code).toBe(0);
  });
});

test.runIf(process.platform === 'linux')(
  'a log file without room costs lines of the log, and nothing else',
  async () => {
    // A limit for the size of files: what a disk without room does, too.
    const vserve = serve(['--log-file', 'vserve.log'], ['sh', '-c', 'ulimit -f 1 && exec "$@"', 'sh']);
    const [, url = ''] = await vserve.until(ready);
    for (let request = 0; request < 30; request += 1) expect((await ask(url, 'a')).status).toBe(200);
    await vserve.until(/WARNING Lines of the log file vserve\.log are lost \(EFBIG\)\./);
    vserve.kill('SIGTERM');
    const { code, stderr } = await vserve.exit();
    expect(stderr.match(/are lost/g)).toHaveLength(1);
    expect(code).toBe(0);
  },
);

describe('idle connections', () => {
  const COUNT = 5000;

  test.runIf(process.platform === 'linux')(
    'up to what the system allows leave room for requests',
    async () => {
      // This process opens as many.
      const limit = Number(/Max open files\s+(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? 0);
      const count = Math.min(COUNT, limit - 500);
      const vserve = serve([], ['sh', '-c', `ulimit -n ${count + 500} && exec "$@"`, 'sh']);
      const [, url = ''] = await vserve.until(ready);
      const { hostname: host, port } = new URL(url);
      const sockets: Socket[] = [];
      onTestFinished(() => sockets.forEach((socket) => socket.destroy()));
      while (sockets.length < count) {
        const more = Array.from({ length: Math.min(100, count - sockets.length) }, () => connect(Number(port), host));
        sockets.push(...more);
        await Promise.all(more.map((socket) => once(socket, 'connect')));
      }
      expect((await ask(url, 'a')).status).toBe(200);
      vserve.kill('SIGTERM');
      expect((await vserve.exit()).code).toBe(0);
    },
    30_000,
  );
});

test('durations do not follow the clock, which may be set: only what tells the time of day reads it', () => {
  const root = join(import.meta.dirname, '../..');
  const readers = ['src', 'backends'].flatMap((top) =>
    readdirSync(join(root, top), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.parentPath.includes('native'))
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((path) => /\bDate\.now\b/.test(readFileSync(path, 'utf8')))
      .map((path) => path.slice(root.length + 1)),
  );
  expect(readers.filter((path) => !path.startsWith('src/playground/')).sort()).toEqual([
    // The library that it is made of reads that clock, too.
    'backends/openai/circuit.ts',
    'src/api/ollama/time-now.ts',
    'src/api/responses/event-writer.ts',
    'src/api/responses/responses-format.ts',
    'src/hub/retry.ts',
    'src/server/files/file-store.ts',
    'src/server/models/model-pool.ts',
    'src/server/models/model-states.ts',
    'src/server/open-generation.ts',
    'src/server/tls-files.ts',
    'src/server/traces/request-clock.ts',
    'src/store/collect-garbage.ts',
  ]);
});
