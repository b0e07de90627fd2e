import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { shapesFiles } from '../../support/shapes-engine.ts';
import { NativeCheck } from './native-check.ts';

describe.skipIf(process.platform !== 'linux')('the threads of a step', () => {
  let check: NativeCheck;
  const run = (...what: readonly string[]): string =>
    execFileSync(check.program, [NativeCheck.binaries, ...what], { encoding: 'utf8' });
  beforeAll(() => {
    check = new NativeCheck('thread-pool-check.cpp', ['thread-pool', 'cpu-affinity', 'error']);
  });
  afterAll(() => {
    check.remove();
  });

  it('do all work once, however many there are', () => {
    expect(run('work')).toBe('30\n');
  });

  it('are of the team that sleeps between steps where not all compute', () => {
    expect(run('teams')).toBe('30\n');
  });

  it('end while they spin, sleep, or have just been given work', () => {
    expect(run('stop')).toBe('12\n');
  });

  it('compute the same for several contexts that take turns', () => {
    expect(run('contexts', shapesFiles().modelPath)).toBe('2\n');
  });
});
