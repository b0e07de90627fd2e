import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { CrashHistory } from '../../src/cli/serving/crash-history.ts';
import { runVserve, temporaryFolder } from './run-vserve.ts';
import type { RunningVserve } from './run-vserve.ts';

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});

const crashingBackend = join(import.meta.dirname, 'crashing-backend.js');

function serve(environment: NodeJS.ProcessEnv = {}, ...args: readonly string[]): RunningVserve {
  const common = ['--backend', crashingBackend, '--metrics-endpoint-port', 'off', '--restart-on-crash'];
  return runVserve(folder, ['serve', ...common, ...args], environment, { isReal: true });
}

/** The address of the server that has been started as many times. */
async function readyFor(vserve: RunningVserve, times: number): Promise<string> {
  const [, url = ''] = await vserve.until(new RegExp(`(?:[^]*?Server ready on (\\S+)){${times}}`));
  return url;
}

function ask(url: string, content: string, requestId = 'some-request'): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-request-id': requestId },
    body: JSON.stringify({ model: 'crashing', messages: [{ role: 'user', content }] }),
  });
}

/** The process that serves, by the file that `vserve ps` reads. */
async function serverProcess(): Promise<number> {
  const [name = ''] = (await readdir(join(folder, 'run'))).filter((file) => file.endsWith('.json'));
  return (JSON.parse(await readFile(join(folder, 'run', name), 'utf8')) as { pid: number }).pid;
}

describe.skipIf(process.platform === 'win32')('a server with --restart-on-crash', () => {
  test('names the request that crashed it, is there again at its port, and refuses that request the third time', async () => {
    const vserve = serve();
    const url = await readyFor(vserve, 1);
    expect(await (await fetch(`${url}/health`)).json()).toEqual({ status: 'ok', restarts: 0 });
    await expect(ask(url, 'crash', 'bad-one')).rejects.toThrow();
    const [told] = await vserve.until(/ERROR {3}The server ended with SIGSEGV[^]*Starting it again\.\n/);
    expect(told).toMatch(/These requests were running:\n {2}bad-one POST \/v1\/chat\/completions for \d/);

    expect(await readyFor(vserve, 2)).toBe(url);
    const lastCrash = { signal: 'SIGSEGV', at: expect.stringMatching(/^\d{4}-/) as unknown };
    expect(await (await fetch(`${url}/health`)).json()).toEqual({ status: 'ok', restarts: 1, last_crash: lastCrash });
    expect((await ask(url, 'good')).status).toBe(200);
    await expect(ask(url, 'crash')).rejects.toThrow();

    await readyFor(vserve, 3);
    const refused = await ask(url, 'crash');
    expect(refused.status).toBe(422);
    expect(await refused.json()).toMatchObject({ error: { code: 'request_crashes' } });
    expect((await ask(url, 'good')).status).toBe(200);
    vserve.kill('SIGTERM');
    expect((await vserve.exit()).code).toBe(0);
    await expect(fetch(url)).rejects.toThrow();
  });

  test('keeps its port open: who connects in between waits for the next process', async () => {
    const vserve = serve();
    const url = await readyFor(vserve, 1);
    await expect(ask(url, 'crash')).rejects.toThrow();
    await vserve.until(/Starting it again\.\n/);
    expect([200, 503]).toContain((await fetch(`${url}/health`)).status);
    await readyFor(vserve, 2);
    vserve.kill('SIGTERM');
    expect((await vserve.exit()).code).toBe(0);
  });

  test('stops in order at a signal of its own, and with vserve stop', async () => {
    const vserve = serve();
    await readyFor(vserve, 1);
    const { code, stdout } = await runVserve(folder, ['stop'], {}, { isReal: true }).exit();
    expect(stdout).toMatch(/^Stopped \d+ \(crashing\)$/m);
    expect(code).toBe(0);
    expect(await vserve.exit()).toMatchObject({ code: 0, stderr: expect.not.stringMatching(/again/) as unknown });
  });

  test('ends with who looks after it', async () => {
    const vserve = serve();
    const url = await readyFor(vserve, 1);
    expect(await serverProcess()).not.toBe(vserve.pid);
    vserve.kill('SIGKILL');
    // Its end is that of both: they share the output.
    await vserve.exit();
    await expect(fetch(url)).rejects.toThrow();
  });

  test('is not started again where it never was ready', async () => {
    const { code, stderr } = await serve({ CRASH_AT_LOAD: '1' }).exit();
    expect(stderr).toMatch(
      /ERROR {3}The server ended with SIGSEGV.* No request was running\. It is not started again: it never was ready\.\n$/,
    );
    expect(code).toBe(139);
  });
});

test('--supervised is for vserve itself', async () => {
  const { code, stderr } = await runVserve(
    folder,
    ['serve', '--backend', 'echo', '--supervised'],
    {},
    { isReal: true },
  ).exit();
  expect(stderr).toMatch(/^Error: --supervised is for vserve itself: use --restart-on-crash\.\n$/);
  expect(code).toBe(2);
});

describe('the history of crashes', () => {
  const [a, b] = [{ fingerprint: 'a' }, { fingerprint: 'b' }];

  test('lets a server be started again at once, then later and later, and not for ever', () => {
    const history = new CrashHistory();
    const delays = Array.from({ length: 6 }, (_, place) => history.add(1000 * place, []));
    expect(delays).toEqual([0, 1000, 2000, 4000, 8000, undefined]);
    expect(history.restarts).toBe(5);
  });

  test('forgets what was long ago', () => {
    const history = new CrashHistory();
    for (let crash = 0; crash < 5; crash += 1) history.add(crash, []);
    expect(history.add(11 * 60_000, [])).toBe(0);
  });

  test('refuses what was running at two crashes, unless it has been answered in between', () => {
    const history = new CrashHistory();
    history.add(0, [a, a, b]);
    expect(history.refused).toEqual([]);
    history.clear(b);
    history.add(1, [a, b]);
    expect(history.refused).toEqual(['a']);
    history.clear(a);
    expect(history.refused).toEqual(['a']);
  });
});
