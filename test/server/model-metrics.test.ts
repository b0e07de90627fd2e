import { Registry } from 'prom-client';
import { expect, inject, it } from 'vitest';
import type { LoadedModel } from '../../src/backend/index.ts';
import { Metrics } from '../../src/server/metrics/metrics.ts';
import { registerModelMetrics } from '../../src/server/metrics/model-metrics.ts';
import { answer, loadShapes, picture, userTurn } from '../support/shapes-engine.ts';

it('a model tells what it has computed, and what it had cached', async () => {
  expect(inject('shapesModelPath')).not.toBe('');
  const model = await loadShapes({ maxBatchSize: 1 });
  const registry = new Registry();
  registerModelMetrics(registry, model, () => 3);
  const values = async (): Promise<Map<string, number>> => {
    const lines = (await registry.metrics()).split('\n').filter((line) => !line.startsWith('#'));
    return new Map(lines.map((line) => [line.split(' ')[0] ?? '', Number(line.split(' ')[1])]));
  };
  try {
    const before = await values();
    expect(before.get('maxserve_batch_size_count')).toBe(0);
    expect(before.get('maxserve_num_requests_queued')).toBe(3);
    expect(before.get('vserve_cache_copies_bytes')).toBe(0);
    const request = userTurn([{ type: 'image', image: await picture('000-0.png') }, 'What is it?'], { maxTokens: 4 });
    const first = await answer(model, request);
    const said = { role: 'assistant' as const, content: [{ type: 'text' as const, text: first.text }] };
    const second = await answer(model, { ...request, messages: [...request.messages, said, ...request.messages] });
    const { encodeMs = 0, prefillMs } = first.finish.timings;
    expect(encodeMs).toBeGreaterThan(0);
    expect(encodeMs).toBeLessThanOrEqual(prefillMs);
    expect(second.finish.timings.encodeMs).toBe(0);
    const after = await values();
    expect(after.get('maxserve_vision_images_encoded_images_total')).toBe(1);
    expect(after.get('maxserve_vision_images_cached_images_total')).toBe(2);
    expect(after.get('maxserve_vision_cache_hit_rate_percent')).toBeCloseTo(66.7, 1);
    expect(after.get('vserve_prompt_tokens_computed_total')).toBeGreaterThanOrEqual(first.promptTokens);
    expect(after.get('maxserve_cache_num_used_blocks')).toBeGreaterThan(first.promptTokens);
    const steps = after.get('maxserve_batch_execution_time_milliseconds_count') ?? 0;
    expect(steps).toBeGreaterThanOrEqual(8);
    expect(after.get('maxserve_batch_execution_time_milliseconds_bucket{le="+Inf"}')).toBe(steps);
    expect(after.get('maxserve_batch_size_bucket{le="1"}')).toBe(steps);
    // The only place goes to another prompt: what was in it is kept outside.
    await answer(model, userTurn(['word '.repeat(50)], { maxTokens: 1 }));
    expect((await values()).get('vserve_cache_copies_bytes')).toBeGreaterThan(0);
  } finally {
    await model.close();
  }
  expect((await values()).get('maxserve_batch_size_count')).toBeUndefined();
});

it('the time that loading took is told where it is known', async () => {
  const model = { stats: () => ({ sequencesRunning: 2, sequencesQueued: 1 }) } as unknown as LoadedModel;
  const metrics = new Metrics();
  metrics.addModel(model, () => 3);
  metrics.setLoadTime(1234);
  const lines = (await metrics.text()).split('\n');
  expect(lines).toContain('maxserve_model_load_time_milliseconds 1234');
  expect(lines).toContain('maxserve_num_requests_running 2');
  expect(lines).toContain('maxserve_num_requests_queued 4');
});
