import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import sharp from 'sharp';
import { expect, it, onTestFinished } from 'vitest';
import { chatBody, send } from '../../server/support/http.ts';
import type { Body } from './support/fake-upstream.ts';
import { fakeUpstream, say } from './support/fake-upstream.ts';
import type { ServeUpstreamsOptions } from './support/serve-upstreams.ts';
import { serveUpstreams } from './support/serve-upstreams.ts';

const picture = sharp({ create: { width: 40, height: 20, channels: 3, background: '#c03020' } });
const png = await picture.clone().png().toBuffer();
const jpeg = await picture.clone().jpeg().toBuffer();
const turned = await picture.clone().withMetadata({ orientation: 6 }).jpeg().toBuffer();
const webp = await picture.clone().webp({ lossless: true }).toBuffer();
const clear = await sharp({ create: { width: 4, height: 4, channels: 4, background: '#00000000' } })
  .png()
  .toBuffer();

function uriOf(bytes: Buffer, type: string): string {
  return `data:image/${type};base64,${bytes.toString('base64')}`;
}

/** The URLs of the images that an upstream gets for those of a request. */
async function sentFor(
  images: readonly (string | object)[],
  options: ServeUpstreamsOptions = {},
  rounds = 1,
): Promise<{ urls: readonly string[]; bodies: readonly Body[]; metrics: string }> {
  const upstream = await fakeUpstream((response) => say(response, 'seen'));
  const edge = await serveUpstreams([upstream.url], { metricsPort: 0, ...options });
  const content = images.map((image) => ({
    type: 'image_url',
    image_url: typeof image === 'string' ? { url: image } : image,
  }));
  for (let round = 0; round < rounds; round += 1) {
    const body = chatBody(content);
    const { status, text } = await send(`${edge.url}/v1/chat/completions`, { method: 'POST', body });
    expect(status, text).toBe(200);
  }
  const [message] = upstream.bodies.at(-1)?.messages ?? [];
  const parts = (message?.content ?? []) as { image_url: { url: string } }[];
  const urls = parts.map(({ image_url: { url } }) => url);
  return { urls, bodies: upstream.bodies, metrics: (await send(edge.metricsUrl ?? '')).text };
}

async function sizeOf(url: string): Promise<{ width: number; height: number; format: string }> {
  const { width, height, format } = await sharp(bytesOf(url)).metadata();
  return { width, height, format };
}

function bytesOf(url: string): Buffer {
  return Buffer.from(url.slice(url.indexOf(',') + 1), 'base64');
}

it('a plain JPEG or PNG goes on as it came', async () => {
  const given = [uriOf(png, 'png'), uriOf(jpeg, 'jpeg')];
  expect((await sentFor(given)).urls).toEqual(given);
});

it('any other picture goes on upright, opaque, and in a format that every server reads', async () => {
  const { urls } = await sentFor([uriOf(turned, 'jpeg'), uriOf(webp, 'webp'), uriOf(clear, 'png')]);
  const [upright = '', converted = '', opaque = ''] = urls;
  expect(await sizeOf(upright)).toMatchObject({ width: 20, height: 40 });
  expect(await sizeOf(converted)).toEqual({ width: 40, height: 20, format: 'png' });
  expect(await sharp(bytesOf(converted)).raw().toBuffer()).toEqual(await sharp(webp).removeAlpha().raw().toBuffer());
  // On white, as everywhere in vserve.
  expect([...(await sharp(bytesOf(opaque)).raw().toBuffer()).subarray(0, 3)]).toEqual([255, 255, 255]);
});

it('a picture is made as small as its budget and the server’s', async () => {
  const { urls } = await sentFor([
    { url: uriOf(png, 'png'), max_pixels: 200 },
    { url: uriOf(jpeg, 'jpeg'), max_pixels: 200 },
  ]);
  expect(await sizeOf(urls[0] ?? '')).toEqual({ width: 20, height: 10, format: 'png' });
  expect(await sizeOf(urls[1] ?? '')).toEqual({ width: 20, height: 10, format: 'jpeg' });
  const limited = await sentFor([uriOf(png, 'png')], { load: { upstreamMaxImagePixels: 50 } });
  expect(await sizeOf(limited.urls[0] ?? '')).toMatchObject({ width: 10, height: 5 });
});

it('a picture that came before is not decoded again', async () => {
  const { urls, bodies, metrics } = await sentFor([uriOf(webp, 'webp')], {}, 3);
  expect(bodies).toHaveLength(3);
  for (const { messages } of bodies) expect(messages).toEqual(bodies[0]?.messages);
  expect(urls[0]).toMatch(/^data:image\/png/);
  expect(metrics).toMatch(/vserve_upstream_requests_total\{upstream="[^"]+"\} 3/);
});

it('the guard is at the edge: no upstream hears of a picture that it refuses', async () => {
  const upstream = await fakeUpstream((response) => say(response, 'seen'));
  const edge = await serveUpstreams([upstream.url]);
  for (const url of ['http://127.0.0.1:9/x.png', 'data:image/png;base64,AAAA', 'file:///etc/passwd']) {
    const body = chatBody([{ type: 'image_url', image_url: { url } }]);
    expect((await send(`${edge.url}/v1/chat/completions`, { method: 'POST', body })).status).toBe(400);
  }
  expect(upstream.bodies).toEqual([]);
});

it('with --media-passthrough URLs go on as they are, and data is checked still', async () => {
  let fetches = 0;
  const web = createServer((_, response) => {
    fetches += 1;
    response.end(png);
  }).listen(0, '127.0.0.1');
  await once(web, 'listening');
  onTestFinished(() => void web.close());
  const url = `http://127.0.0.1:${String((web.address() as AddressInfo).port)}/x.png`;
  const given = [url, uriOf(png, 'png')];
  expect((await sentFor(given, { load: { mediaPassthrough: true } })).urls).toEqual(given);
  expect(fetches).toBe(0);

  const { urls } = await sentFor([url], { media: { allowedMediaHosts: ['127.0.0.1'] } });
  expect(urls).toEqual([uriOf(png, 'png')]);
  expect(fetches).toBe(1);
});
