import { defineConfig } from 'vitest/config';
import { BaseSequencer } from 'vitest/node';
import type { TestSpecification } from 'vitest/node';

/** What would be waited for at the end, were it not begun first. The longest first. */
const long = [
  'reference',
  'processors',
  'families',
  'pull',
  'processor-settings',
  'family-calls',
  'image-budgets',
  'killed-conversions',
  'package',
  'browser',
].map((name) => `/${name}.test.ts`);

/** Files of one project follow each other, or they would not find its process: those that share one come first. */
function placeOf({ moduleId, project }: TestSpecification): number {
  const index = long.findIndex((name) => moduleId.endsWith(name));
  return (index === -1 ? long.length : index) + (project.name === 'shared' ? 0 : long.length + 1);
}

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).toSorted((a, b) => placeOf(a) - placeOf(b));
  }
}

/**
 * Tests of rooms that keep nothing between calls: their files share a process for each worker, which starts and imports the
 * source once, and not a hundred times. What one of them changes for the process (`vi.mock`, the environment) the next ones
 * find changed: it puts it back, or belongs elsewhere.
 */
const shared = ['test/{api,boxes,convert,formats,gguf-choice,hub,scripts,settings,store}/**/*.test.ts'];

/**
 * The engine's threads, of which there is one for every CPU, wait for one another spinning: beside other tests they take
 * many times as long. Other tests give it a single thread, or next to nothing to do.
 */
const engine = [
  'test/backends/node-llama-cpp/{caches,engine,families-apart,generate,llama4-projector,load,mmproj-encoding,quantize}.test.ts',
  'test/e2e/openai-sdk.test.ts',
];

const common = {
  execArgv: ['--import', './test/support/built-threads.js'],
  // Only what hangs takes as long: a machine may be ten times slower, or busy with something else for a minute.
  testTimeout: 300_000,
  hookTimeout: 300_000,
  // A machine that stands still for seconds may fail a test once, and the report names it. What is broken fails twice.
  retry: 1,
};

export default defineConfig({
  test: {
    globalSetup: ['test/support/build.ts', 'test/support/global-setup.ts'],
    sequence: { sequencer: LongestFirst },
    projects: [
      // On as many CPUs as there are; vitest would leave one idle, which may be half of them.
      { test: { ...common, name: 'shared', maxWorkers: '100%', isolate: false, include: shared } },
      {
        test: {
          ...common,
          name: 'together',
          maxWorkers: '100%',
          include: ['test/**/*.test.ts'],
          exclude: [...engine, ...shared],
        },
      },
      // One after the other, after the rest.
      { test: { ...common, name: 'engine', maxWorkers: 1, include: engine } },
    ],
  },
});
