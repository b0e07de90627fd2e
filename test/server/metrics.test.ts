import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';
import { mediaRejections } from '../../src/media/index.ts';
import { send } from './support/http.ts';
import type { TestServer } from './support/serve.ts';
import { scriptedModel } from './support/scripted-model.ts';
import { serve, serveModel } from './support/serve.ts';

const picture = await readFile(new URL('../fixtures/images/grey.png', import.meta.url));
const dataUri = `data:image/png;base64,${picture.toString('base64')}`;

async function metricsOf({ metricsUrl = '' }: TestServer): Promise<string[]> {
  const { status, headers, text } = await send(metricsUrl);
  expect([status, headers['content-type']]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
  return text.split('\n');
}

function look(server: TestServer, ...urls: string[]): Promise<{ status: number }> {
  const content = urls.map((url) => ({ type: 'image_url', image_url: { url } }));
  const body = JSON.stringify({ messages: [{ role: 'user', content }] });
  return send(`${server.url}/v1/chat/completions`, { method: 'POST', body });
}

describe('/metrics', () => {
  it('answers with an error where a backend cannot tell what it does', async () => {
    const broken = scriptedModel({ text: 'A.' });
    broken.stats = () => {
      throw new Error('lost');
    };
    const server = await serveModel(broken, { metricsPort: 0 });
    expect(await send(server.metricsUrl ?? '')).toMatchObject({
      status: 500,
      text: expect.stringContaining('lost') as string,
    });
    expect((await send(`${server.url}/health`)).status).toBe(200);
  });

  it('counts answers by status and route, never by a path of the client', async () => {
    const server = await serve({ metricsPort: 0 });
    for (const path of ['/health', '/health', '/v1/models/none', '/v1/models/other', '/a', '/b?c=d']) {
      await send(server.url + path);
    }
    expect((await metricsOf(server)).filter((line) => line.startsWith('maxserve_request_count_total'))).toEqual([
      'maxserve_request_count_total{code="200",path="/health"} 2',
      'maxserve_request_count_total{code="404",path="/v1/models/{id}"} 2',
      'maxserve_request_count_total{code="404",path="other"} 2',
    ]);
  });

  it('counts images by source, and how long they took', async () => {
    const folder = new URL('../fixtures/images/', import.meta.url);
    const server = await serve({ metricsPort: 0, media: { allowedImageRoots: [folder.pathname] } });
    expect((await look(server, dataUri, dataUri, new URL('grey.jpg', folder).href)).status).toBe(200);
    const lines = await metricsOf(server);
    expect(lines).toContain('maxserve_media_items_total{media_kind="image",source="data"} 2');
    expect(lines).toContain('maxserve_media_items_total{media_kind="image",source="file"} 1');
    expect(lines).toContain('maxserve_media_resolve_time_milliseconds_count 3');
  });

  it('times what a request takes until its prompt is made, of those that reach the model', async () => {
    const server = await serve({ metricsPort: 0 });
    expect((await look(server, dataUri)).status).toBe(200);
    expect((await look(server, 'data:,x')).status).toBe(400);
    const lines = await metricsOf(server);
    expect(lines).toContain('maxserve_input_processing_time_milliseconds_count 1');
    const [sum = ''] = lines.filter((line) => line.startsWith('maxserve_input_processing_time_milliseconds_sum'));
    expect(Number(sum.split(' ')[1])).toBeGreaterThan(0);
  });

  it('times answers as their clients see them, and counts their tokens', async () => {
    const server = await serve({ metricsPort: 0 });
    const body = { messages: [{ role: 'user', content: 'one two three' }] };
    for (const stream of [true, false]) {
      const text = JSON.stringify({ ...body, stream });
      expect((await send(`${server.url}/v1/chat/completions`, { method: 'POST', body: text })).status).toBe(200);
    }
    const lines = await metricsOf(server);
    for (const line of [
      'maxserve_request_time_milliseconds_count{path="/v1/chat/completions"} 2',
      'maxserve_time_to_first_token_milliseconds_count 2',
      'maxserve_time_per_output_token_milliseconds_count 2',
      'vserve_queue_time_milliseconds_count 2',
      'maxserve_num_requests_running 0',
      'maxserve_num_requests_queued 0',
    ]) {
      expect(lines).toContain(line);
    }
    const value = (name: string) => Number(lines.find((line) => line.startsWith(`${name} `))?.split(' ')[1]);
    const output = value('maxserve_num_output_tokens_total');
    expect(output).toBeGreaterThan(2);
    expect(value('maxserve_itl_milliseconds_count')).toBe(output - 2);
    expect(value('maxserve_num_input_tokens_total')).toBe(value('maxserve_cache_misses_tokens_total'));
  });

  it('counts refused images by reason, each of which is there from the start', async () => {
    const server = await serve({ metricsPort: 0, settings: { maxImagesPerRequest: 2 } });
    const none = mediaRejections.map((reason) => `maxserve_media_rejections_total{reason="${reason}"} 0`);
    expect(await metricsOf(server)).toEqual(expect.arrayContaining(none));
    const refused = {
      ssrf_blocked: ['http://127.0.0.1/secret?token=1'],
      bad_file_uri: ['file:///etc/passwd'],
      bad_scheme: ['ftp://example.org/'],
      undecodable: [dataUri, 'data:,x'],
      too_many_images: [dataUri, dataUri, dataUri],
    };
    for (const urls of Object.values(refused)) expect((await look(server, ...urls)).status).toBe(400);
    const lines = await metricsOf(server);
    for (const reason of Object.keys(refused)) {
      expect(lines).toContain(`maxserve_media_rejections_total{reason="${reason}"} 1`);
    }
    expect(lines).toContain('maxserve_media_rejections_total{reason="dns_failure"} 0');
    expect(lines).toContain('maxserve_request_count_total{code="400",path="/v1/chat/completions"} 5');
  });

  it('is the only thing on its port, and is not on the other', async () => {
    const server = await serve({ metricsPort: 0 });
    expect((await send(`${server.url}/metrics`)).status).toBe(404);
    expect((await send((server.metricsUrl ?? '').replace('/metrics', '/health'))).status).toBe(404);
    expect((await send(server.metricsUrl ?? '', { method: 'POST' })).status).toBe(404);
  });

  it('is told to nobody who calls a server that only this machine reaches by another name', async () => {
    const server = await serve({ metricsPort: 0, settings: { allowedHosts: ['mine.example'] } });
    const statusFor = async (host: string): Promise<number> =>
      (await send(server.metricsUrl ?? '', { headers: { host } })).status;
    expect(await Promise.all(['evil.example', 'localhost:1', '127.0.0.1', 'mine.example'].map(statusFor))).toEqual([
      403, 200, 200, 200,
    ]);
  });

  it('closes with the server, and is not there where it is off', async () => {
    const server = await serve({ metricsPort: 0 });
    await server.shutdown();
    await expect(send(server.metricsUrl ?? '')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect((await serve()).metricsUrl).toBeUndefined();
  });

  it('names its flag when its port is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    onTestFinished(() => void taken.close());
    await expect(serve({ metricsPort: (taken.address() as AddressInfo).port })).rejects.toMatchObject({
      code: 'port_in_use',
      message: expect.stringContaining('--metrics-endpoint-port') as string,
    });
  });

  it('is done without where nobody asked for its port, and it is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    onTestFinished(() => void taken.close());
    const { port } = taken.address() as AddressInfo;
    const server = await serve({ metricsPort: port, isMetricsOptional: true });
    expect(server.metricsUrl).toBeUndefined();
    expect(server.log).toContain(
      `warning No /metrics: port ${port} is taken. Choose another with --metrics-endpoint-port, or off.`,
    );
  });
});

describe('the log of a refused image', () => {
  it.each([
    [
      'http://user.example/a.png?token=secret#secret',
      /no_host|dns_failure|ssrf_blocked|fetch/,
      'http://user.example/a.png',
    ],
    ['http://127.0.0.1/a%0ab.png?token=secret', /ssrf_blocked/, 'http://127.0.0.1/a%0ab.png'],
    ['http://name:secret@127.0.0.1/a.png', /malformed_url/, 'http://127.0.0.1/a.png'],
    ['http://[secret', /malformed_url/, 'no URL of a known kind'],
    ['file:///etc/a\nb', /bad_file_uri/, 'file:///etc/a?b'],
    ['data:image/png;base64,c2VjcmV0', /undecodable/, 'data:image/png;base64,…'],
  ])('tells code, place and source of %j, and no secret', async (url, code, shown) => {
    const server = await serve();
    await look(server, dataUri, url);
    const line = server.log.at(-1) ?? '';
    expect(line).toMatch(code);
    expect(line).toContain('messages[0].content[1]: ');
    expect(line.endsWith(`[${shown}]`)).toBe(true);
    expect(line).not.toMatch(/secret|c2Vj|\n/);
  });
});
