import { expect, it } from 'vitest';
import { createOpenAiBackend } from '../../../backends/openai/index.ts';
import { runConformance } from '../../../src/backend/conformance/index.ts';
import { serve } from '../../server/support/serve.ts';

it('conforms to the specification, in front of another vserve', async () => {
  const { url } = await serve({ maxBatchSize: 8 });
  const results = await runConformance(createOpenAiBackend(), { settings: { upstreams: [url] } });
  expect(results.filter(({ outcome }) => outcome === 'failed')).toEqual([]);
  expect(results.filter(({ outcome }) => outcome === 'passed').length).toBeGreaterThan(15);
}, 60_000);
