import { afterAll, beforeAll, expect, test } from 'vitest';
import backend from '../../../backends/node-llama-cpp/index.ts';
import type { Conformance } from '../../../src/backend/conformance/index.ts';
import { openConformance } from '../../../src/backend/conformance/index.ts';
import { shapesFiles } from '../../support/shapes-engine.ts';

let conformance: Conformance;
beforeAll(async () => {
  conformance = await openConformance(backend, {
    files: shapesFiles(),
    settings: { devices: 'cpu', threads: 1, threadsBatch: 1, maxBatchSize: 2, embeddings: true },
    question: 'Count to ten.',
  });
});
afterAll(() => conformance.close());

test('the engine does what the specification of a backend says', async () => {
  const failures: string[] = [];
  for (const { name, run } of conformance.cases) {
    await run().catch((error: unknown) => failures.push(`${name}: ${String(error)}`));
  }
  expect(failures).toEqual([]);
  // Its template has no reasoning.
  expect(conformance.skipped.map(({ lack }) => lack)).toEqual(['capabilities.reasoning']);
});
