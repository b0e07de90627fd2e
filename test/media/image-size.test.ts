import sharp from 'sharp';
import { expect, it, onTestFinished } from 'vitest';
import { createMediaResolver } from '../../src/media/index.ts';
import { mediaSettings } from '../server/support/settings.ts';

const options = { param: 'image', signal: new AbortController().signal };

function sizes(changes = {}) {
  const media = createMediaResolver(mediaSettings(changes));
  onTestFinished(() => media.close());
  return media.sizesForRequest();
}

async function encoded(format: 'png' | 'jpeg' | 'webp' | 'gif' | 'tiff' | 'avif'): Promise<Buffer> {
  const image = sharp({ create: { width: 48, height: 32, channels: 3, background: '#336699' } });
  return image
    .withMetadata({ orientation: format === 'jpeg' ? 6 : 1 })
    .toFormat(format)
    .toBuffer();
}

it.each(['png', 'jpeg', 'webp', 'gif', 'tiff', 'avif'] as const)(
  'reads the size of %s from its header',
  async (format) => {
    const file = await encoded(format);
    const { width, height, rgb } = await sizes()(`data:;base64,${file.toString('base64')}`, options);
    // The photo was taken with the camera on its side.
    expect([width, height]).toEqual(format === 'jpeg' ? [32, 48] : [48, 32]);
    expect(rgb).toHaveLength(0);
  },
);

it('does not look at the pixels', async () => {
  const png = await encoded('png');
  // What comes after the headers is missing.
  for (const [file, size] of [
    [png.subarray(0, png.indexOf('IDAT') + 10), [48, 32]],
    [Buffer.from('P6 5 3 255\n'), [5, 3]],
  ] as const) {
    const { width, height } = await sizes()(`data:;base64,${file.toString('base64')}`, options);
    expect([width, height]).toEqual(size);
  }
});

it('keeps to the limit of pixels', async () => {
  const file = await encoded('png');
  await expect(
    sizes({ maxImagePixels: 1000 })(`data:;base64,${file.toString('base64')}`, options),
  ).rejects.toMatchObject({
    code: 'decode_too_large',
  });
});

it('leaves a source in pieces to those who want its pixels then', async () => {
  const file = Buffer.concat([await encoded('png'), Buffer.alloc(3000)]);
  const uri = Buffer.from(`data:;base64,${file.toString('base64')}`);
  const source = { pieces: [0, 2000].map((from) => new Uint8Array(uri.subarray(from, from + 2000))) };
  const media = createMediaResolver(mediaSettings());
  onTestFinished(() => media.close());
  expect(await media.sizesForRequest()(source, options)).toMatchObject({ width: 48 });
  expect(await media.forRequest()(source, options)).toMatchObject({ width: 48, height: 32 });
});
