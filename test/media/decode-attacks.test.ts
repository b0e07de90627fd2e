import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { crc32, deflateSync, gzipSync } from 'node:zlib';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { VserveError } from '../../src/errors/index.ts';
import { decodeImage } from '../../src/media/decode-image.ts';
import type { Reserve } from '../../src/media/pixels.ts';

const HUGE = 60_000;
const images = new URL('../fixtures/images/', import.meta.url);

/** What decoding ends with, and what sizes were asked for. */
async function decode(file: Uint8Array, limit = 1_000_000) {
  const asked: [number, number][] = [];
  const reserve: Reserve = (width, height) => {
    asked.push([width, height]);
    if (width * height > limit) throw new VserveError('decode_too_large', 'no');
  };
  const outcome = await decodeImage(file, reserve).catch((error: unknown) => error);
  return { outcome, asked };
}

const flat = (size: number) => sharp({ create: { width: size, height: size, channels: 3, background: '#123456' } });

function pngChunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  checksum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, checksum]);
}

/** A PNG of one colour, of a size that its pixels would not fit into memory with. */
function pngBomb(size: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  header.set([8, 2], 8);
  const rows = deflateSync(Buffer.alloc(100 * (size * 3 + 1)), { level: 9 });
  const signature = Buffer.from('89504e470d0a1a0a', 'hex');
  return Buffer.concat([
    signature,
    pngChunk('IHDR', header),
    pngChunk('IDAT', rows),
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}

/** Writes a value of a TIFF's first directory. */
function setTiffTag(file: Buffer, tag: number, value: number): void {
  const directory = file.readUInt32LE(4);
  for (let entry = 0; entry < file.readUInt16LE(directory); entry += 1) {
    const at = directory + 2 + entry * 12;
    if (file.readUInt16LE(at) !== tag) continue;
    // As one LONG.
    file.writeUInt16LE(4, at + 2);
    file.writeUInt32LE(value, at + 8);
  }
}

function setAvifSize(file: Buffer, width: number, height: number): Buffer {
  const at = file.indexOf('ispe');
  file.writeUInt32BE(width, at + 8);
  file.writeUInt32BE(height, at + 12);
  return file;
}

const bombs: readonly (readonly [string, () => Promise<Buffer>])[] = [
  ['a PNG', async () => pngBomb(HUGE)],
  [
    'a GIF',
    async () => {
      const file = await readFile(new URL('two-frames.gif', images));
      // Of the screen, and of the first frame's descriptor.
      const frame = file.indexOf(Buffer.from([0x2c, 0, 0, 0, 0, 83, 0, 61, 0]));
      for (const at of [6, 8, frame + 5, frame + 7]) file.writeUInt16LE(HUGE, at);
      return file;
    },
  ],
  [
    'a TIFF',
    async () => {
      const file = await readFile(new URL('lzw.tif', images));
      setTiffTag(file, 256, HUGE);
      setTiffTag(file, 257, HUGE);
      return file;
    },
  ],
  ['an AVIF', async () => setAvifSize(await flat(64).avif({ effort: 0 }).toBuffer(), HUGE, HUGE)],
];

describe('a decompression bomb', () => {
  it.each(bombs)('in %s is refused by its header', async (_, make) => {
    const bomb = await make();
    expect(bomb.length).toBeLessThan(200_000);
    const rssBefore = process.memoryUsage.rss();
    const { outcome, asked } = await decode(bomb);
    expect(outcome).toMatchObject({ code: expect.stringMatching(/decode_too_large|undecodable/) as string });
    if (asked.length > 0) expect(asked).toEqual([[HUGE, HUGE]]);
    expect(process.memoryUsage.rss() - rssBefore).toBeLessThan(100e6);
  });

  it('that hides its size from the header is refused by the decoder (AVIF)', async () => {
    const bomb = setAvifSize(await flat(6000).avif({ effort: 0 }).toBuffer(), 16, 16);
    expect(bomb.length).toBeLessThan(10_000);
    const rssBefore = process.memoryUsage.rss();
    const { outcome, asked } = await decode(bomb);
    expect(asked).toEqual([[16, 16]]);
    expect(outcome).toMatchObject({ code: 'undecodable' });
    expect(process.memoryUsage.rss() - rssBefore).toBeLessThan(100e6);
  });

  it('of many frames counts as one (GIF)', async () => {
    const frames = await sharp(Buffer.alloc(64 * 64 * 100 * 3), {
      raw: { width: 64, height: 6400, channels: 3, pageHeight: 64 },
    })
      .gif({ loop: 0 })
      .toBuffer();
    const { outcome, asked } = await decode(frames);
    expect([outcome, asked]).toEqual([expect.objectContaining({ width: 64, height: 64 }), [[64, 64]]]);
  });
});

const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"><rect width="4" height="4"/></svg>';
const entity = `<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"><text>&x;</text></svg>`;

describe('libvips', () => {
  it.each([
    ['SVG', svg],
    ['SVG with an entity', entity],
    ['PDF', '%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj'],
    ['ImageMagick', 'push graphic-context\nfill url(http://127.0.0.1/)\npop graphic-context'],
  ])('has no loader for %s, even where it is asked for it', async (_, text) => {
    for (const file of [Buffer.from(text), gzipSync(text)]) {
      await expect(sharp(file).metadata()).rejects.toThrow('unsupported image format');
      expect((await decode(file)).outcome).toMatchObject({ code: 'undecodable' });
    }
  });

  it('opens no file', async () => {
    await expect(sharp(fileURLToPath(new URL('grey.png', images))).metadata()).rejects.toThrow();
  });

  it('says nothing of memory and paths in an error', async () => {
    const file = await readFile(new URL('grey.png', images));
    const { outcome } = await decode(file.subarray(0, file.length >> 1));
    expect(outcome).toMatchObject({ code: 'undecodable' });
    expect(String(outcome)).not.toMatch(/0x[0-9a-f]|\n|\//);
  });
});
