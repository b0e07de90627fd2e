import type { ChildProcess } from 'node:child_process';

/** One listener for all of them: a bench may have more than Node expects of one emitter. */
const children = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

/** Kills a process when this one ends, unless it has ended before. */
export function killAtExit(child: ChildProcess): void {
  children.add(child);
  child.once('exit', () => void children.delete(child));
}
