import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import { runVserve, temporaryFolder } from './run-vserve.ts';

const isLinux = process.platform === 'linux';
/** What a started program has to do by then. */
const patience = { timeout: 20_000, interval: 20 };

/** The state of a process is the letter behind its name (Linux). One that nobody has waited for has ended, too. */
function isRunning(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** The first process that this one has started and whose command line matches (Linux). */
function childOf(pid: number, command: RegExp): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
  const found = children.find((child) => command.test(readFileSync(`/proc/${child}/cmdline`, 'utf8')));
  if (found === undefined) throw new Error(`${pid} has not started it.`);
  return found;
}

/** Runs JavaScript in a process of its own, and kills that once it has started a program that matches. */
async function killBeside(source: string, command: RegExp): Promise<number> {
  const parent = spawn(process.execPath, ['--input-type=module', '--eval', source], { stdio: 'ignore' });
  onTestFinished(() => void parent.kill('SIGKILL'));
  const program = await vi.waitFor(() => childOf(Number(parent.pid), command), patience);
  onTestFinished(() => {
    if (isRunning(program)) process.kill(program, 'SIGKILL');
  });
  parent.kill('SIGKILL');
  await once(parent, 'close');
  return program;
}

const urlOf = (path: string): string => JSON.stringify(pathToFileURL(resolve(path)).href);

test.runIf(isLinux)('a kill leaves no quantizer behind', async () => {
  const folder = await temporaryFolder();
  // Opening it for reading lasts until somebody writes.
  const source = join(folder, 'model.gguf');
  spawnSync('mkfifo', [source]);
  const quantizer = await killBeside(
    `import { quantize } from ${urlOf('dist/backends/node-llama-cpp/quantize.js')};
     await quantize({ sourcePath: ${JSON.stringify(source)}, destinationPath: ${JSON.stringify(`${source}.q4`)},
       type: 'q4_K', onProgress() {}, signal: new AbortController().signal });`,
    /quantize-process/,
  );
  await vi.waitFor(() => expect(isRunning(quantizer)).toBe(false), patience);
});

const hasPython = spawnSync('python3', ['--version']).status === 0;
test.runIf(isLinux && hasPython)("a kill leaves none of llama.cpp's converter behind", async () => {
  const python = await killBeside(
    `import { runCode, runPython } from ${urlOf('dist/src/convert/llama-cpp/run-python.js')};
     await runPython('python3', runCode('import time; time.sleep(600)'), [], new AbortController().signal);`,
    /python3/,
  );
  await vi.waitFor(() => expect(isRunning(python)).toBe(false), patience);
});

test.runIf(isLinux && existsSync('/usr/bin/setpriv'))('a kill of the server leaves no FFmpeg behind', async () => {
  const folder = await temporaryFolder();
  const stream = { width: 4, height: 2, avg_frame_rate: '2/1', duration: '2.0' };
  const programs = {
    ffprobe: `echo '${JSON.stringify({ streams: [stream] })}'`,
    ffmpeg: `echo $$ > '${folder}/pid.new'; mv '${folder}/pid.new' '${folder}/pid'; exec sleep 600`,
  };
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, name), 0o700);
  }
  const environment = { PATH: process.env['PATH'] };
  const settings = ['--metrics-endpoint-port', 'off', '--ffmpeg', join(folder, 'ffmpeg')];
  const vserve = runVserve(folder, ['serve', '--backend', 'echo', ...settings], environment, { isReal: true });
  const [, url = ''] = await vserve.until(/Server ready on (\S+) /);
  const video = `data:video/mp4;base64,${Buffer.from('\0\0\0\u0018ftypmp42', 'latin1').toString('base64')}`;
  const content = [{ type: 'video_url', video_url: { url: video } }];
  const answer = fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ model: 'echo', messages: [{ role: 'user', content }] }),
  });
  const pid = await vi.waitFor(() => Number(readFileSync(join(folder, 'pid'), 'utf8')), patience);
  expect(isRunning(pid)).toBe(true);
  const failed = expect(answer).rejects.toThrow();
  vserve.kill('SIGKILL');
  await failed;
  await vi.waitFor(() => expect(isRunning(pid)).toBe(false), patience);
});
