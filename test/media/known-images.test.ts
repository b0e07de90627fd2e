import sharp from 'sharp';
import { expect, it, onTestFinished } from 'vitest';
import { createMediaResolver } from '../../src/media/index.ts';
import type { MediaSettings } from '../../src/media/index.ts';
import { KnownImages } from '../../src/media/known-images.ts';

const settings: MediaSettings = {
  allowedImageRoots: [],
  maxLocalImageBytes: 1e6,
  maxMediaBytes: 1e6,
  maxImagePixels: 1e6,
  maxDocumentPages: 10,
  documentPageSide: 300,
  maxVideoFrames: 8,
  maxVideoSeconds: 60,
  ffmpeg: 'ffmpeg',
  mediaTimeoutS: 60,
  ssrfProtectionEnabled: true,
  allowedMediaHosts: [],
};
const options = { param: 'messages[0].content[0]', signal: new AbortController().signal };

async function pictureUri(background: string): Promise<string> {
  const bytes = await sharp({ create: { width: 200, height: 100, channels: 3, background } })
    .png()
    .toBuffer();
  return `data:image/png;base64,${bytes.toString('base64')}`;
}

function countingResolver(changes: Partial<MediaSettings> = {}) {
  let decodes = 0;
  const takeCpu = () => {
    decodes++;
    return () => undefined;
  };
  const media = createMediaResolver({ ...settings, ...changes }, { takeCpu });
  onTestFinished(() => media.close());
  return { media, decodes: () => decodes };
}

it('an image that came before and is encoded is not decoded again', async () => {
  const { media, decodes } = countingResolver();
  const uri = await pictureUri('#123456');
  const encoded = { handle: 1 };
  const asked: string[] = [];
  const findEncoded = ({ id }: { readonly id: string }) => {
    asked.push(id);
    return encoded;
  };
  const first = await media.forRequest(findEncoded)(uri, options);
  expect(first.rgb).toHaveLength(200 * 100 * 3);
  expect(asked).toEqual([]);
  const again = await media.forRequest(findEncoded)(uri, options);
  expect(again).toEqual({ id: first.id, width: 200, height: 100, rgb: new Uint8Array(), encoded });
  expect(asked).toEqual([first.id]);
  expect(decodes()).toBe(1);
});

it('the memory of a known image is free at once, not at the next garbage collection', async () => {
  const { media } = countingResolver();
  const uri = await pictureUri('#654321');
  const resolve = media.forRequest(() => ({ handle: 1 }));
  await resolve(uri, options);
  const pieces = [new TextEncoder().encode(uri.slice(0, 100)), new TextEncoder().encode(uri.slice(100))];
  await resolve({ pieces }, options);
  expect(pieces[1]).toHaveLength(0);
});

it('an image that is not encoded, or another image, is decoded', async () => {
  const { media, decodes } = countingResolver();
  const uri = await pictureUri('#123456');
  const { id, rgb } = await media.forRequest(() => undefined)(uri, options);
  const again = await media.forRequest(() => undefined)(uri, options);
  expect(again).toEqual({ id, width: 200, height: 100, rgb });
  const other = await media.forRequest(() => ({}))(await pictureUri('#654321'), options);
  expect(other.id).not.toBe(id);
  expect(other.rgb).toHaveLength(rgb.length);
  expect(decodes()).toBe(3);
});

it('images that are encoded take nothing of what a request may decode', async () => {
  const { media } = countingResolver({ maxMediaBytes: 70_000 });
  const uris = await Promise.all(['#111111', '#222222', '#333333'].map(pictureUri));
  const [first = '', second = '', third = ''] = uris;
  await media.forRequest(() => undefined)(first, options);
  await media.forRequest(() => undefined)(second, options);
  await media.forRequest(() => undefined)(third, options);
  const resolve = media.forRequest(() => ({}));
  await expect(resolve(first, options)).resolves.toMatchObject({ width: 200 });
  await expect(resolve(second, options)).resolves.toMatchObject({ width: 200 });
  await expect(resolve(third, options)).resolves.toMatchObject({ width: 200 });
  const withoutEncoder = media.forRequest();
  await withoutEncoder(first, options);
  await withoutEncoder(second, options);
  await expect(withoutEncoder(third, options)).rejects.toMatchObject({ code: 'decode_too_large' });
});

it('names are forgotten, the least recently used first; large sources have none', async () => {
  const known = new KnownImages(2);
  const image = { id: 'a', width: 1, height: 1 };
  known.remember('first', image);
  known.remember('second', image);
  known.get('first');
  known.remember('third', image);
  expect(['first', 'second', 'third'].map((name) => known.get(name) !== undefined)).toEqual([true, false, true]);
  const nameOf = (bytes: number, encoding: 'base64' | 'bytes' = 'bytes') =>
    known.nameOf({ pieces: [new Uint8Array(bytes)], encoding });
  expect(await nameOf(10)).toBe(await nameOf(10));
  expect(await nameOf(10)).not.toBe(await nameOf(10, 'base64'));
  expect(await nameOf(5_000_000)).toBeUndefined();
});
