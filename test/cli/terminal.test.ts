import { spawnSync } from 'node:child_process';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { fakeBackend, model, runVserve, temporaryFolder } from './run-vserve.ts';

const ready = /Server ready on (http:\/\/127\.0\.0\.1:\d+) /;
/** Begins what hides the cursor, moves it, or draws a frame; colours have none of these. */
const ESCAPE = '\u001B[?';
const hasPython = spawnSync('python3', ['-c', 'import pty']).status === 0;

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});

async function serveArguments(): Promise<readonly string[]> {
  return ['serve', '--backend', fakeBackend, '--model', await model(folder), '--log-level', 'DEBUG'];
}

/** `session` has the system send SIGHUP when the terminal is closed. */
async function inTerminal(rows: number, columns: number, kind: 'session' | 'loose') {
  const launcher = ['python3', join(import.meta.dirname, 'in-terminal.py'), String(rows), String(columns), kind];
  const vserve = runVserve(folder, await serveArguments(), { TERM: 'xterm' }, { launcher });
  const [, pid = ''] = await vserve.until(/^pid (\d+)\./);
  return { ...vserve, pid: Number(pid) };
}

describe.runIf(hasPython)('on a terminal', () => {
  test.each([
    [0, 0],
    [24, 0],
    [24, 1],
  ])('of %i rows and %i columns it prints plain lines, as on a pipe', async (rows, columns) => {
    const vserve = await inTerminal(rows, columns, 'loose');
    await vserve.until(ready);
    expect(vserve.text.stdout).toMatch(/Loading: model 50 %/);
    expect(vserve.text.stdout).not.toContain(ESCAPE);
    process.kill(vserve.pid, 'SIGTERM');
    expect((await vserve.exit()).code).toBe(0);
  });

  test('of the usual size it draws a spinner', async () => {
    const vserve = await inTerminal(24, 80, 'loose');
    await vserve.until(ready);
    expect(vserve.text.stdout).toContain(ESCAPE);
    process.kill(vserve.pid, 'SIGTERM');
    expect((await vserve.exit()).code).toBe(0);
  });

  test('that is closed, it stops in order', async () => {
    const vserve = await inTerminal(24, 80, 'session');
    const [, url = ''] = await vserve.until(ready);
    vserve.closeStdin();
    expect((await vserve.exit()).code).toBe(0);
    await expect(fetch(url)).rejects.toThrow();
  });

  test('that is lost without a word, it goes on serving, and ends with exit code 0', async () => {
    const vserve = await inTerminal(24, 80, 'loose');
    const [, url = ''] = await vserve.until(ready);
    const ended = vserve.exit();
    vserve.closeStdin();
    for (let request = 0; request < 3; request += 1) expect((await fetch(url)).status).toBe(200);
    process.kill(vserve.pid, 'SIGTERM');
    expect((await ended).code).toBe(0);
  });
});

describe('with a log that cannot be written', () => {
  test.runIf(process.platform === 'linux')('for lack of room, it serves', async () => {
    const full = await open('/dev/full', 'w');
    onTestFinished(() => full.close());
    const vserve = runVserve(folder, await serveArguments(), {}, { output: full.fd, tellsUrl: true });
    expect((await fetch(await vserve.toldUrl())).status).toBe(200);
    vserve.kill('SIGTERM');
    expect((await vserve.exit()).code).toBe(0);
  });

  test('because nobody reads it, it serves', async () => {
    const vserve = runVserve(folder, await serveArguments(), {}, { tellsUrl: true });
    vserve.closeOutput();
    expect((await fetch(await vserve.toldUrl())).status).toBe(200);
    vserve.kill('SIGTERM');
    expect((await vserve.exit()).code).toBe(0);
  });

  test.runIf(process.platform === 'linux')('a command whose answer is lost has failed', async () => {
    const full = await open('/dev/full', 'w');
    onTestFinished(() => full.close());
    const { code } = await runVserve(folder, ['list', '--json'], {}, { output: full.fd }).exit();
    expect(code).toBe(1);
  });
});

test('a hang-up means nothing to a server without a terminal, as with nohup', async () => {
  const vserve = runVserve(folder, await serveArguments());
  const [, url = ''] = await vserve.until(ready);
  vserve.kill('SIGHUP');
  expect((await fetch(url)).status).toBe(200);
  vserve.kill('SIGTERM');
  expect((await vserve.exit()).code).toBe(0);
});
