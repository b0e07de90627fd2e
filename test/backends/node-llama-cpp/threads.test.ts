import { describe, expect, it } from 'vitest';
import { chooseThreads } from '../../../backends/node-llama-cpp/threads.ts';

const large = 1e9;
const tiny = 1e6;

const choose = (
  settings: { threads?: number; threadsBatch?: number },
  { modelBytes = large, cpus = 8 } = {},
): ReturnType<typeof chooseThreads> & { warnings: string[] } => {
  const warnings: string[] = [];
  const chosen = chooseThreads(
    { threads: settings.threads, threadsBatch: settings.threadsBatch },
    modelBytes,
    4,
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
    expect(choose({}, { modelBytes: tiny })).toMatchObject({ threads: 1, threadsBatch: 4 });
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
