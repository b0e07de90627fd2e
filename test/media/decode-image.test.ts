import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { readFile } from 'node:fs/promises';
import * as fc from 'fast-check';
import sharp from 'sharp';
import type { OutputInfo } from 'sharp';
import { describe, expect, it } from 'vitest';
import { VserveError } from '../../src/errors/index.ts';
import { decodeImage } from '../../src/media/decode-image.ts';
import type { Reserve } from '../../src/media/pixels.ts';

const fixtures = new URL('../fixtures/', import.meta.url);
const expected = JSON.parse(await readFile(new URL('images/pixels.json', fixtures), 'utf8')) as Record<
  string,
  { mode: string; width: number; height: number; sha256: string }
>;

const accept: Reserve = () => {};
const read = (name: string): Promise<Buffer> => readFile(new URL(name, fixtures));

const WIDTH = 16;
const HEIGHT = 8;
/** A picture of smooth colours. */
const smooth = Buffer.from(
  Array.from({ length: WIDTH * HEIGHT }, (_, index) => [
    (index % WIDTH) * 12,
    Math.floor(index / WIDTH) * 25,
    90,
  ]).flat(),
);
const raw = (data: Buffer, channels: 1 | 2 | 3 | 4) => sharp(data, { raw: { width: WIDTH, height: HEIGHT, channels } });

function largestDifference(one: Uint8Array, other: Uint8Array): number {
  expect(one.length).toBe(other.length);
  return one.reduce((largest, value, index) => Math.max(largest, Math.abs(value - (other[index] ?? 0))), 0);
}

/** Two by two pixels, of a palette whose second colour is red (BI_RLE8). */
function bitmapOfRuns(...runs: number[]): Buffer {
  const header = Buffer.alloc(14 + 40 + 256 * 4);
  header.write('BM');
  header.writeUInt32LE(header.length, 10);
  header.writeUInt32LE(40, 14);
  header.writeInt32LE(2, 18);
  header.writeInt32LE(2, 22);
  header.writeUInt16LE(8, 28);
  header.writeUInt32LE(1, 30);
  header.writeUInt32LE(0xff0000, 54 + 4);
  return Buffer.concat([header, Buffer.from(runs)]);
}

function refuseLarge(width: number, height: number): void {
  if (width * height > 100_000) throw new VserveError('decode_too_large', 'no');
}

function refuseAll(): void {
  throw new VserveError('decode_too_large', 'no');
}

async function rejectionOf(bytes: Uint8Array, reserve = accept): Promise<unknown> {
  return decodeImage(bytes, reserve).then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe('decodeImage', () => {
  it.each(Object.keys(expected))('sees the same pixels as Pillow in %s', async (name) => {
    const { width, height, rgb } = await decodeImage(await read(name), accept);
    const sha256 = createHash('sha256').update(rgb).digest('hex');
    expect({ width, height, sha256 }).toEqual({
      width: expected[name]?.width,
      height: expected[name]?.height,
      sha256: expected[name]?.sha256,
    });
  });

  it('reads AVIF', async () => {
    const { rgb } = await decodeImage(
      await raw(smooth, 3).avif({ quality: 100, chromaSubsampling: '4:4:4' }).toBuffer(),
      accept,
    );
    expect(largestDifference(rgb, smooth)).toBeLessThanOrEqual(6);
  });

  it.each(['png', 'webp', 'tiff'] as const)('flattens alpha on white in %s', async (format) => {
    const pixels = Buffer.alloc(WIDTH * HEIGHT * 4);
    pixels.set([10, 20, 30, 255, 200, 100, 0, 0, 0, 0, 0, 51]);
    const options = { png: {}, webp: { lossless: true, exact: true }, tiff: { compression: 'lzw' } };
    const file = await raw(pixels, 4).toFormat(format, options[format]).toBuffer();
    const { rgb } = await decodeImage(file, accept);
    expect([...rgb.subarray(0, 9)]).toEqual([10, 20, 30, 255, 255, 255, 204, 204, 204]);
  });

  it('flattens grey with alpha on white', async () => {
    const pixels = Buffer.alloc(WIDTH * HEIGHT * 2);
    pixels.set([7, 255, 7, 0, 0, 51]);
    const { rgb } = await decodeImage(await raw(pixels, 2).toColourspace('b-w').png().toBuffer(), accept);
    expect([...rgb.subarray(0, 9)]).toEqual([7, 7, 7, 255, 255, 255, 204, 204, 204]);
  });

  it.each(['rgb16', 'grey16'] as const)('takes the high byte of %s', async (space) => {
    const file = await raw(smooth, 3).toColourspace(space).png().toBuffer();
    expect((await sharp(file).metadata()).depth).toBe('ushort');
    const { rgb } = await decodeImage(file, accept);
    const { data: eightBits } = await sharp(file).toColourspace('srgb').raw().toBuffer({ resolveWithObject: true });
    expect(largestDifference(rgb, eightBits)).toBe(0);
    expect(rgb.some((value) => value > 0 && value < 255)).toBe(true);
  });

  it('leaves the pixels of an sRGB profile alone and converts those of another', async () => {
    const tagged = await raw(smooth, 3).withIccProfile('srgb').png().toBuffer();
    const wide = await raw(smooth, 3).withIccProfile('p3').png().toBuffer();
    const ignored = await sharp(wide, { ignoreIcc: true }).raw().toBuffer();
    expect(largestDifference((await decodeImage(tagged, accept)).rgb, smooth)).toBe(0);
    expect(largestDifference(ignored, smooth)).toBeGreaterThan(10);
    expect(largestDifference((await decodeImage(wide, accept)).rgb, smooth)).toBeLessThanOrEqual(3);
  });

  it('gives equal pictures equal ids, whatever the format, and others other ids', async () => {
    const png = await decodeImage(await raw(smooth, 3).png().toBuffer(), accept);
    const tiff = await decodeImage(await raw(smooth, 3).tiff({ compression: 'lzw' }).toBuffer(), accept);
    const turned = await decodeImage(
      await sharp(smooth, { raw: { width: HEIGHT, height: WIDTH, channels: 3 } })
        .png()
        .toBuffer(),
      accept,
    );
    expect(png.id).toMatch(/^[0-9a-f]{64}$/);
    expect(tiff.id).toBe(png.id);
    expect(turned.id).not.toBe(png.id);
  });

  it.each(Object.keys(expected).filter((name) => name.startsWith('images/') && !name.includes('orientation')))(
    'refuses %s when all but its first quarter is missing',
    async (name) => {
      const bytes = await read(name);
      expect(await rejectionOf(bytes.subarray(0, bytes.length >> 2))).toMatchObject({ code: 'undecodable' });
    },
  );

  it.each([
    ['SVG', '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"/>'],
    ['XML', '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>'],
    ['PDF', '%PDF-1.7\n'],
    ['HTML', '<!doctype html><title>Not found</title>'],
  ])('refuses %s', async (_, text) => {
    const error = await rejectionOf(Buffer.from(text));
    expect(error).toMatchObject({ code: 'undecodable', message: expect.stringContaining('PNG, JPEG') as string });
  });

  it.each([
    ['a PDF', '%PDF-1.7\n', 'type file'],
    ['a video', '\0\0\0\u0018ftypmp42', 'type video_url'],
  ])('says where to send %s', async (_, text, place) => {
    expect(await rejectionOf(Buffer.from(text, 'latin1'))).toMatchObject({
      code: 'undecodable',
      message: expect.stringContaining(place) as string,
    });
  });

  it('refuses nothing as that', async () => {
    const error = await rejectionOf(new Uint8Array());
    expect(error).toMatchObject({ code: 'undecodable', message: expect.stringContaining('empty') as string });
  });

  it.each([
    ['turned.heic', 48, 64, ['27c83c', 'f0f0f0', 'dc2828', '2828dc']],
    ['display-p3.heic', 64, 48, ['dc2828', '27c83c', '2828dc', 'f0f0f0']],
  ])('shows HEIC upright and in the colours of sRGB: %s', async (name, width, height, corners) => {
    const image = await decodeImage(await read(name), accept);
    expect(image).toMatchObject({ width, height });
    const expected = Buffer.from(corners.join(''), 'hex');
    const places = [3, width - 4].flatMap((x) => [3, height - 4].map((y) => [x, y] as const));
    const [topLeft, bottomLeft, topRight, bottomRight] = places.map(([x, y]) => {
      const at = (y * width + x) * 3;
      return image.rgb.subarray(at, at + 3);
    });
    const found = Buffer.concat([topLeft, topRight, bottomLeft, bottomRight].map((each) => each ?? Buffer.alloc(0)));
    expect(largestDifference(found, expected)).toBeLessThan(4);
  });

  it('decodes HEIC, whatever libvips was built with, within the limits', async () => {
    const file = await read('photo.heic');
    expect(await decodeImage(file, accept)).toMatchObject({ width: 16, height: 16 });
    expect(await rejectionOf(file, refuseAll)).toMatchObject({ code: 'decode_too_large' });
    expect(await rejectionOf(file.subarray(0, file.length >> 1))).toMatchObject({ code: 'undecodable' });
  });

  it.each<[string, (file: Buffer) => void]>([
    [
      'images/grey.png',
      (file) => {
        file.writeUInt32BE(60_000, 16);
        file.writeUInt32BE(60_000, 20);
        file.writeUInt32BE(crc32(file.subarray(12, 29)), 29);
      },
    ],
    [
      'images/24bit.bmp',
      (file) => {
        file.writeInt32LE(60_000, 18);
        file.writeInt32LE(60_000, 22);
      },
    ],
    [
      'images/grey.jpg',
      (file) => {
        const frame = file.indexOf(Buffer.from([0xff, 0xc0]));
        file.writeUInt16BE(60_000, frame + 5);
        file.writeUInt16BE(60_000, frame + 7);
      },
    ],
  ])('asks before it allocates what a lying header states: %s', async (name, lie) => {
    const file = await read(name);
    lie(file);
    const asked: [number, number][] = [];
    const refusal = new VserveError('decode_too_large', 'no');
    const error = await rejectionOf(file, (width, height) => {
      asked.push([width, height]);
      throw refusal;
    });
    expect(asked).toEqual([[60_000, 60_000]]);
    expect(error).toBe(refusal);
  });

  it('asks before it allocates what a lying header states: PPM', async () => {
    const error = await rejectionOf(Buffer.from('P6\n60000 60000\n255\n'), refuseLarge);
    expect(error).toMatchObject({ code: 'decode_too_large' });
  });

  it.each<[RegExp, string, (file: Buffer) => void]>([
    [/size of 0x11/, '24bit.bmp', (file) => file.writeInt32LE(0, 18)],
    [/size of -17x11/, '24bit.bmp', (file) => file.writeInt32LE(-17, 18)],
    [/size of 17x0/, '24bit.bmp', (file) => file.writeInt32LE(0, 22)],
    [/unknown header of 41 bytes/, '24bit.bmp', (file) => file.writeUInt32LE(41, 14)],
    [/23 bits per pixel/, '24bit.bmp', (file) => file.writeUInt16LE(23, 28)],
    [/compression 4 /, '24bit.bmp', (file) => file.writeUInt32LE(4, 30)],
    [/compression 1 with 24 bits/, '24bit.bmp', (file) => file.writeUInt32LE(1, 30)],
    [/unusual bit masks/, '16bit-565.bmp', (file) => file.writeUInt32LE(0b101, 54)],
  ])('says %s of a bitmap that says so: %s', async (reason, name, spoil) => {
    const file = await read(`images/${name}`);
    spoil(file);
    expect(await rejectionOf(file, refuseLarge)).toMatchObject({
      code: 'undecodable',
      message: expect.stringMatching(reason) as string,
    });
  });

  it('drops what a run of a bitmap puts behind the end of its row', async () => {
    // The lower row comes first: four pixels where there is room for two.
    const { rgb } = await decodeImage(bitmapOfRuns(4, 1, 0, 0, 0, 1), accept);
    expect([...rgb]).toEqual([0, 0, 0, 0, 0, 0, 255, 0, 0, 255, 0, 0]);
  });

  it('refuses a bitmap with a run of pixels that is longer than the file', async () => {
    expect(await rejectionOf(bitmapOfRuns(2, 1, 0, 0, 0, 255, 1, 1))).toMatchObject({ code: 'undecodable' });
  });

  it.each([
    ['P5 1 1 0 x', /largest value of 0/],
    ['P5 1 1 65536 xx', /largest value of 65536/],
    ['P5 0 1 255 x', /size of 0x1/],
    ['P5 1 0 255 x', /size of 1x0/],
    ['P5 0x1 1 255 x', /"0x1" where a number/],
    ['P5 1e1 1 255 xxxxxxxxxx', /"1e1" where a number/],
    ['P2 1 1 255 -1', /where a number|-1/],
  ])('refuses %s and says why', async (text, reason) => {
    expect(await rejectionOf(Buffer.from(text))).toMatchObject({
      code: 'undecodable',
      message: expect.stringMatching(reason) as string,
    });
  });

  it('asks with the size after the turn', async () => {
    let asked: Partial<OutputInfo> = {};
    await decodeImage(await read('images/orientation-6.jpg'), (width, height) => (asked = { width, height }));
    expect(asked).toEqual({ width: 11, height: 17 });
  });

  it.each(['images/rle8.bmp', 'images/os2.bmp', 'images/32bit-v4.bmp', 'images/text.ppm', 'images/binary.pgm'])(
    'ends in order whatever bytes of %s are broken',
    async (name) => {
      const original = await read(name);
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(fc.nat(original.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
          async (changes) => {
            const file = Buffer.from(original);
            for (const [at, value] of changes) file[at] = value;
            const error = await rejectionOf(file, refuseLarge);
            expect(error === undefined || error instanceof VserveError).toBe(true);
          },
        ),
      );
    },
  );
});
