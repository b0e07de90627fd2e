import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest';
import { tryFiles } from '../../backends/node-llama-cpp/dry-run.ts';
import { examineFiles } from '../../backends/node-llama-cpp/examine-files.ts';
import { defaultLoadSettings } from '../../src/settings/index.ts';

const bin = resolve('bin/vserve.js');
/** node-llama-cpp's own. */
const binaryTest = 'testBindingBinary';

/** Has a program wait to be ended: it could be over before it is seen. */
let waitingProgram: string;
let libraryFolder: string;
beforeAll(async () => {
  libraryFolder = await mkdtemp(join(tmpdir(), 'vserve-waiting-'));
  waitingProgram = join(libraryFolder, 'waiting-program.so');
  if (process.platform !== 'linux') return;
  const source = join(import.meta.dirname, 'waiting-program.cpp');
  execFileSync(process.env['CXX'] ?? 'c++', ['-std=c++17', '-shared', '-fPIC', source, '-o', waitingProgram]);
});
afterAll(() => rm(libraryFolder, { recursive: true }));

/** A home whose backend has tried the model before, but not its binary, which it tries by a program of its own then. */
async function rememberTrial(home: string): Promise<void> {
  const files = { modelPath: inject('shapesModelPath'), mmprojPath: inject('shapesMmprojPath') };
  const { trialOptions } = await examineFiles(files, defaultLoadSettings);
  const cacheFolder = join(home, 'backends', 'node-llama-cpp');
  await (
    await tryFiles(files, trialOptions, { cacheFolder, signal: new AbortController().signal })
  ).pictures;
}

/**
 * Starts `vserve serve` as the leader of a process group, as a terminal does, up to the point where `program`, which it
 * starts, runs.
 */
async function beginUntil(program: string) {
  const home = await mkdtemp(join(tmpdir(), 'vserve-stop-'));
  onTestFinished(() => rm(home, { recursive: true, force: true }));
  if (program === binaryTest) await rememberTrial(home);
  const files = ['--model', inject('shapesModelPath'), '--mmproj', inject('shapesMmprojPath')];
  const arguments_ = ['serve', ...files, '--host', '127.0.0.1', '--port', '0'];
  const child = spawn(process.execPath, [bin, ...arguments_, '--metrics-endpoint-port', 'off', '--devices', 'cpu'], {
    env: { ...process.env, VSERVE_HOME: home, LD_PRELOAD: waitingProgram, WAITING_PROGRAM: program },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const closed = once(child, 'close');
  const pid = child.pid ?? 0;
  return {
    pid,
    programPid: await childOf(pid, program),
    async end() {
      await closed;
      return { code: child.exitCode, stderr };
    },
  };
}

/** The processes that a process has started, by what runs in them (Linux). */
async function childrenOf(pid: number): Promise<readonly { pid: number; command: string }[]> {
  const pids = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ').filter(Boolean);
  return Promise.all(
    pids.map(async (child) => ({
      pid: Number(child),
      command: await readFile(`/proc/${child}/cmdline`, 'utf8').catch(() => ''),
    })),
  );
}

/** Waits, turn by turn, for a process that is started on the way to a loaded model. Throws if its parent has ended. */
async function childOf(pid: number, program: string): Promise<number> {
  for (;;) {
    const found = (await childrenOf(pid)).find(({ command }) => command.includes(program));
    if (found !== undefined) return found.pid;
  }
}

// Both end with the process group, of which vserve is told later than they.
const programs = [binaryTest, 'vserve-dry-run'];
const signals = [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const;

test
  .runIf(process.platform === 'linux')
  .each(programs.flatMap((program) => signals.map(([signal, code]) => [signal, program, code] as const)))(
  '%s to the process group while %s runs stops the start, with the exit code of a shell',
  async (signal, program, code) => {
    const vserve = await beginUntil(program);
    process.kill(-vserve.pid, signal);
    const end = await vserve.end();
    expect(end.stderr).toMatch(/\nStopped\.\n$/);
    expect(end.stderr).not.toMatch(/Error|binar/);
    expect(end.code).toBe(code);
  },
);

test.runIf(process.platform === 'linux').each(programs)(
  'a kill of %s is reported as lack of memory',
  async (program) => {
    const vserve = await beginUntil(program);
    process.kill(vserve.programPid, 'SIGKILL');
    const { stderr, code } = await vserve.end();
    expect(stderr).toMatch(/\nError: .* ended with SIGKILL, most likely because the system ran out of memory\./);
    expect(stderr).not.toMatch(/no binaries|damaged/);
    expect(code).toBe(1);
  },
);
