import { describe, expect, it } from 'vitest';
import { chooseThreads, decodeThreads } from '../../../backends/node-llama-cpp/threads.ts';

const choose = (
  settings: { threads?: number; threadsBatch?: number },
  { cpus = 8, adapt = true } = {},
): ReturnType<typeof chooseThreads> & { warnings: string[] } => {
  const warnings: string[] = [];
  const chosen = chooseThreads(
    { threads: settings.threads, threadsBatch: settings.threadsBatch },
    { decode: 4, compute: 4, adapt },
    (_level, message) => warnings.push(message),
    cpus,
  );
  return { ...chosen, warnings };
};

describe('the threads of a model', () => {
  it('are one for each good core, and fewer beside busy programs', () => {
    expect(choose({})).toEqual({
      threads: 4,
      threadsBatch: 4,
      threadsAdapt: true,
      threadsBatchAdapt: true,
      warnings: [],
    });
  });

  it('are one for generating with a tiny model, which is read faster than a thread wakes', () => {
    expect([decodeThreads(1e6, 4), decodeThreads(1e9, 4)]).toEqual([1, 4]);
  });

  it('do not adapt where a GPU computes', () => {
    expect(choose({}, { adapt: false })).toMatchObject({ threadsAdapt: false, threadsBatchAdapt: false });
  });

  it('are as many as were set, whatever other programs do', () => {
    expect(choose({ threads: 6 })).toMatchObject({
      threads: 6,
      threadsBatch: 6,
      threadsAdapt: false,
      threadsBatchAdapt: false,
    });
    expect(choose({ threadsBatch: 2 })).toMatchObject({
      threads: 4,
      threadsBatch: 2,
      threadsAdapt: true,
      threadsBatchAdapt: false,
    });
  });

  it('are never more than the CPUs that the process may use, and a warning says so', () => {
    const { threads, threadsBatch, warnings } = choose({ threads: 16, threadsBatch: 9 }, { cpus: 8 });
    expect([threads, threadsBatch]).toEqual([8, 8]);
    expect(warnings).toEqual([
      expect.stringMatching(/^--threads 16 is more than the 8 CPUs .* takes 8\.$/),
      expect.stringMatching(/^--threads-batch 9 is more than the 8 CPUs .* takes 8\.$/),
    ]);
    expect(choose({ threads: 2 }, { cpus: 1 }).warnings[0]).toMatch(/^--threads 2 is more than the one CPU /);
  });
});
