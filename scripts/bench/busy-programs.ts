import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { killAtExit } from './killed-at-exit.ts';

/** Does `work` while `count` programs keep a CPU busy each, as far as the scheduler lets them. */
export async function besideBusyPrograms<T>(count: number, work: () => Promise<T>): Promise<T> {
  const programs = Array.from({ length: count }, () =>
    spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }),
  );
  const exited = programs.map((program) => once(program, 'exit'));
  for (const program of programs) killAtExit(program);
  try {
    await Promise.all(programs.map((program) => once(program, 'spawn')));
    return await work();
  } finally {
    for (const program of programs) program.kill('SIGKILL');
    await Promise.all(exited);
  }
}
