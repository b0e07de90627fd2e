import { readFile } from 'node:fs/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { loadSettings } from '../../src/settings/index.ts';
import { traceExportersOf } from '../../src/cli/trace-settings.ts';
import { pictureBytes } from '../support/shapes.ts';
import { loadShapes } from '../support/shapes-engine.ts';
import { send } from './support/http.ts';
import type { CollectedSpan, Collector } from './support/otlp-collector.ts';
import { startCollector } from './support/otlp-collector.ts';
import type { TestServer, TestServerOptions } from './support/serve.ts';
import { modelName, serve, serveModel } from './support/serve.ts';

const loads = vi.hoisted(() => ({ count: 0 }));
vi.mock('../../src/server/traces/traces.ts', (original) => {
  loads.count += 1;
  return original();
});

afterEach(() => {
  vi.unstubAllEnvs();
});

const traced: TestServerOptions = { settings: { traceExporters: ['otlp'] } };
const picture = `data:image/png;base64,${pictureBytes('000-0.png').toString('base64')}`;
/** Of the time of day as a floating-point number. */
const ROUNDING_MS = 0.01;
const greyFile = new URL('../fixtures/images/grey.jpg', import.meta.url);

async function collect(): Promise<Collector> {
  const collector = await startCollector();
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', collector.url);
  return collector;
}

function post(server: TestServer, path: string, body: object, headers = {}): ReturnType<typeof send> {
  return send(server.url + path, { method: 'POST', body: JSON.stringify(body), headers });
}

const looking = (...urls: string[]): object => ({
  messages: [{ role: 'user', content: urls.map((url) => ({ type: 'image_url', image_url: { url } })) }],
});

/** The span of this name, which must be the only one. */
function only(spans: readonly CollectedSpan[], name: string): CollectedSpan {
  const [span, ...others] = spans.filter((candidate) => candidate.name === name);
  if (span === undefined || others.length > 0) {
    throw new Error(`Not one span ${name}: ${spans.map((other) => other.name).join(', ')}`);
  }
  return span;
}

describe('without OTEL_*', () => {
  it('nothing of OpenTelemetry is loaded, and nothing is sent', async () => {
    const collector = await collect();
    const server = await serve();
    const { status } = await post(server, '/v1/chat/completions', { messages: [{ role: 'user', content: 'a b' }] });
    await server.shutdown();
    expect([status, loads.count, collector.exports]).toEqual([200, 0, []]);
  });

  it.each([
    [{}, []],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }, ['otlp']],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://collector:4318/v1/traces' }, ['otlp']],
    [{ OTEL_TRACES_EXPORTER: 'otlp,console' }, ['otlp', 'console']],
    [{ OTEL_TRACES_EXPORTER: 'none', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }, []],
    [{ OTEL_SDK_DISABLED: 'true', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }, []],
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, []],
  ])('%j exports to %j', async (environment, exporters) => {
    expect(await exportersFor(environment)).toEqual(exporters);
  });

  it('another protocol than http/protobuf is refused by name, where traces are sent', async () => {
    const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4317', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' };
    await expect(exportersFor(environment)).rejects.toMatchObject({
      code: 'invalid_setting',
      message: expect.stringContaining('OTEL_EXPORTER_OTLP_PROTOCOL in the environment is "grpc"') as string,
    });
  });
});

async function exportersFor(environment: Record<string, string>): Promise<readonly string[]> {
  const names = ['tracesExporter', 'otlpProtocol', 'otelSdkDisabled'] as const;
  const { settings, origins } = await loadSettings(names, { flags: {}, environment, folder: '/nowhere' });
  return traceExportersOf(settings, origins);
}

describe('the trace of a request', () => {
  it('goes on with that of the client, and shows where the time of a streamed answer about an image went', async () => {
    const collector = await collect();
    const server = await serveModel(await loadShapes({ maxBatchSize: 1 }), traced);
    const traceId = 'ab'.repeat(16);
    const headers = { traceparent: `00-${traceId}-00000000000000cd-01`, 'x-request-id': 'mine' };
    const body = { ...looking(picture), model: modelName, stream: true, max_tokens: 5, temperature: 0 };
    expect((await post(server, '/v1/chat/completions', body, headers)).status).toBe(200);
    await server.shutdown();

    const { spans } = collector;
    expect(new Set(collector.exports)).toEqual(new Set(['/v1/traces application/x-protobuf']));
    expect(new Set(spans.map((span) => span.traceId))).toEqual(new Set([traceId]));
    const request = only(spans, 'POST /v1/chat/completions');
    expect([request.parentId, request.kind]).toEqual(['00000000000000cd', 2]);
    expect(request.resource).toMatchObject({ 'service.name': 'vserve', 'service.version': '1.2.3' });
    expect(request.attributes).toMatchObject({
      'http.route': '/v1/chat/completions',
      'http.response.status_code': 200,
      'vserve.request.id': 'mine',
      'gen_ai.operation.name': 'chat',
      'gen_ai.request.model': modelName,
      'gen_ai.request.max_tokens': 5,
      'gen_ai.response.finish_reasons': ['length'],
      'gen_ai.usage.output_tokens': 5,
      'gen_ai.usage.cache_read.input_tokens': 0,
    });
    expect(request.attributes['gen_ai.usage.input_tokens']).toBeGreaterThan(10);
    const firstMs = 1000 * Number(request.attributes['gen_ai.response.time_to_first_chunk']);
    expect(firstMs).toBeGreaterThan(0);
    expect(firstMs).toBeLessThanOrEqual(request.toMs - request.fromMs);

    const names = ['read body', 'queue', 'fetch image', 'decode image', 'prompt', 'prefill', 'decode'];
    const parts = spans.filter(({ parentId }) => parentId === request.id);
    expect([...new Set(parts.map(({ name }) => name))].sort()).toEqual(names.sort());
    const waits = parts.filter(({ name }) => name === 'queue').map((span) => span.attributes['vserve.waited_for']);
    expect(waits).toEqual(['images', 'turn', 'engine']);
    const prefill = only(spans, 'prefill');
    const encode = only(spans, 'encode images');
    expect(encode.parentId).toBe(prefill.id);
    for (const [part, whole] of [...parts.map((part) => [part, request] as const), [encode, prefill] as const]) {
      expect([part.name, part.fromMs]).toEqual([part.name, within(whole, part.fromMs)]);
      expect([part.name, part.toMs]).toEqual([part.name, within(whole, part.toMs)]);
    }
    const image = { 'vserve.image.source': 'data', 'vserve.image.param': 'messages[0].content[0]' };
    expect(only(spans, 'fetch image').attributes).toMatchObject(image);
    expect(only(spans, 'decode image').attributes).toMatchObject({ ...image, 'vserve.image.cached': false });
  });

  it('tells that a source came before, which is neither decoded nor encoded again', async () => {
    const collector = await collect();
    const server = await serveModel(await loadShapes({ maxBatchSize: 1 }), { ...traced, metricsPort: 0 });
    const body = { ...looking(picture), max_tokens: 2 };
    for (let i = 0; i < 2; i++) expect((await post(server, '/v1/chat/completions', body)).status).toBe(200);
    const metrics = (await send(server.metricsUrl ?? '')).text;
    await server.shutdown();

    const decodes = collector.spans.filter(({ name }) => name === 'decode image');
    expect(decodes.map((span) => span.attributes['vserve.image.cached'])).toEqual([false, true]);
    const encode = only(collector.spans, 'encode images');
    expect(metrics).toContain('vserve_image_encode_time_milliseconds_count 1\n');
    const [, sumMs] = /vserve_image_encode_time_milliseconds_sum (\S+)/.exec(metrics) ?? [];
    expect(encode.toMs - encode.fromMs).toBeCloseTo(Number(sumMs), 2);
  });

  it('shows which image failed, and that the client was wrong, not the server', async () => {
    const collector = await collect();
    const server = await serve({ ...traced, media: { allowedImageRoots: [new URL('.', greyFile).pathname] } });
    const whole = `data:image/jpeg;base64,${(await readFile(greyFile)).toString('base64')}`;
    const { status } = await post(server, '/v1/chat/completions', looking(whole, new URL('none.png', greyFile).href));
    expect(status).toBe(400);
    await server.shutdown();

    const failed = collector.spans.filter((span) => span.status === 2);
    expect(failed.map(({ name, attributes }) => [name, attributes['vserve.image.param']])).toContainEqual([
      'fetch image',
      'messages[0].content[1]',
    ]);
    const request = only(collector.spans, 'POST /v1/chat/completions');
    expect(request).toMatchObject({ status: 0, attributes: { 'http.response.status_code': 400 } });
    expect(request.attributes['error.type']).toBe('bad_file_uri');
  });

  it('has its parts in any format, and one of several prompts those of each', async () => {
    const collector = await collect();
    const server = await serve(traced);
    expect((await post(server, '/v1/completions', { prompt: ['a', 'b'] })).status).toBe(200);
    expect(
      (await post(server, '/v1/messages/count_tokens', { messages: [{ role: 'user', content: 'a' }] })).status,
    ).toBe(200);
    await server.shutdown();
    const request = only(collector.spans, 'POST /v1/completions');
    expect(request.attributes['gen_ai.response.finish_reasons']).toEqual(['stop', 'stop']);
    const parts = collector.spans.filter(({ parentId }) => parentId === request.id).map(({ name }) => name);
    expect(parts.filter((name) => name === 'decode')).toHaveLength(2);
    const counting = only(collector.spans, 'POST /v1/messages/count_tokens');
    expect(collector.spans.filter(({ parentId }) => parentId === counting.id).map(({ name }) => name)).toEqual([
      'read body',
    ]);
  });

  it('is not made of probes, nor where the client has not sampled it', async () => {
    const collector = await collect();
    const server = await serve(traced);
    await send(`${server.url}/health`);
    await send(`${server.url}/v1/models`, { headers: { traceparent: `00-${'ab'.repeat(16)}-00000000000000cd-00` } });
    await send(`${server.url}/v1/models`);
    await server.shutdown();
    expect(collector.spans.map(({ name }) => name)).toEqual(['GET /v1/models']);
  });
});

it('a collector that is away costs requests nothing, and a line in the log', async () => {
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', 'http://127.0.0.1:1');
  vi.stubEnv('OTEL_EXPORTER_OTLP_TIMEOUT', '700'); // before a second attempt
  const server = await serve(traced);
  const { status } = await post(server, '/v1/chat/completions', { messages: [{ role: 'user', content: 'a b' }] });
  expect(status).toBe(200);
  await server.shutdown();
  const lines = server.log.filter((line) => line.startsWith('warning Traces cannot be sent: '));
  expect(lines).toEqual([expect.stringContaining('Check OTEL_EXPORTER_OTLP_ENDPOINT')]);
});

/** The time itself if it is within a span, else the nearest that is. */
function within({ fromMs, toMs }: CollectedSpan, ms: number): number {
  if (ms < fromMs - ROUNDING_MS) return fromMs;
  return ms > toMs + ROUNDING_MS ? toMs : ms;
}
