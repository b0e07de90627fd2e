import { spawn, spawnSync } from 'node:child_process';
import { createWriteStream, readFileSync } from 'node:fs';
import { BuildFailure } from './build-failure.ts';
import { logPath } from './folders.ts';
import { missing } from './prerequisites.ts';

/** Whether a program is there and runs. */
export function runs(command: string): boolean {
  return spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;
}

/** Runs a command and appends its output to the build log. Throws `BuildFailure`. */
export async function runLogged(command: string, args: readonly string[], cwd?: string): Promise<void> {
  const log = createWriteStream(logPath, { flags: 'a' });
  log.write(`\n$ ${command} ${args.join(' ')}\n`);
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    // There it is a batch file, which only a shell runs.
    shell: process.platform === 'win32' && command === 'npm',
    ...(cwd === undefined ? {} : { cwd }),
  });
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  const status = await new Promise<number | string | null>((resolve) => {
    child.on('error', ({ message }) => {
      resolve(message);
    });
    child.on('close', resolve);
  });
  await new Promise<void>((resolve) => {
    log.end(resolve);
  });
  if (status !== 0) throw failureOf(command, String(status), readFileSync(logPath, 'utf8'));
}

function failureOf(command: string, status: string, log: string): BuildFailure {
  const noCompiler =
    /No CMAKE_CX*_COMPILER could be found|could not find any instance of Visual Studio|not able to compile a simple test/;
  if (noCompiler.test(log)) return missing('a C++17 compiler that works');
  // CMake says where, and on the lines after that what, indented.
  const errors = log.match(/^CMake Error.*(?:\n(?: .*)?)*|^.*\berror\b.*/gim) ?? [];
  const lines = errors
    .join('\n')
    .split('\n')
    .filter((line) => line.trim() !== '');
  return new BuildFailure(
    `The native engine could not be built: ${command} ended with status ${status}.\n${lines.slice(0, 5).join('\n')}\nFull log: ${logPath}`,
  );
}
