import { defineConfig } from 'vitest/config';
import { BaseSequencer } from 'vitest/node';
import type { TestSpecification } from 'vitest/node';

/** What would be waited for at the end, were it not begun first. The longest first. */
const long = ['package', 'families', 'reference', 'processors', 'pull', 'killed-conversions'].map(
  (name) => `/${name}.test.ts`,
);

function placeOf({ moduleId }: TestSpecification): number {
  const index = long.findIndex((name) => moduleId.endsWith(name));
  return index === -1 ? long.length : index;
}

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).toSorted((a, b) => placeOf(a) - placeOf(b));
  }
}

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
      { test: { ...common, name: 'together', maxWorkers: '100%', include: ['test/**/*.test.ts'], exclude: engine } },
      // One after the other, after the rest.
      { test: { ...common, name: 'engine', maxWorkers: 1, include: engine } },
    ],
  },
});
