import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { checkpoint, temporaryFolder } from './store-folder.ts';

let home: string;
let source: string;
beforeEach(async () => {
  const folder = await temporaryFolder();
  home = join(folder, 'home');
  source = await checkpoint(folder);
});

/** Starts a process that prepares the model. */
function startPreparing() {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'prepare-process.js'), source, home], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    child,
    /** The next line that begins so; those before it are dropped. */
    async lineFrom(beginning: string): Promise<string> {
      for (;;) {
        const { value, done } = await lines.next();
        if (done === true) throw new Error(`The process ended and never said "${beginning}".`);
        if (value.startsWith(beginning)) return value;
      }
    },
  };
}

test('two processes that prepare one model share the work', async () => {
  const first = startPreparing();
  await first.lineFrom('converting');
  const second = startPreparing();
  await second.lineFrom(`Another vserve (process ${first.child.pid}) is converting this model: waiting`);
  first.child.stdin.end();
  const ready = await first.lineFrom('ready');
  expect(await second.lineFrom('')).toBe(ready);
  expect(await readFile(ready.replace('ready ', ''), 'utf8')).toBe(`GGUF by ${first.child.pid}`);
  expect(await readdir(join(home, 'locks'))).toEqual([]);
});

test('after a process was killed in the middle of a conversion, the next one starts again and cleans up', async () => {
  const first = startPreparing();
  await first.lineFrom('converting');
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');
  expect(await readdir(join(home, 'converting'))).toHaveLength(1);

  const second = startPreparing();
  second.child.stdin.end();
  await second.lineFrom('converting');
  const ready = await second.lineFrom('ready');
  expect(await readFile(ready.replace('ready ', ''), 'utf8')).toBe(`GGUF by ${second.child.pid}`);
  expect(await readdir(join(home, 'converting'))).toEqual([]);
  expect(await readdir(join(home, 'locks'))).toEqual([]);
});
