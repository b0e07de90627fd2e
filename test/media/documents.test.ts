import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import sharp from 'sharp';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { createMediaResolver } from '../../src/media/index.ts';
import type { DocumentAsk, MediaPart, MediaResolver } from '../../src/media/index.ts';
import { mediaSettings } from '../server/support/settings.ts';
import type { PdfPageSpec } from '../support/pdf.ts';
import { pdfOf, pdfUri, textAt } from '../support/pdf.ts';

const media = createMediaResolver(mediaSettings());
afterAll(() => media.close());

const all: DocumentAsk = { kind: 'document', pages: undefined, textLayer: false };
const options = { param: 'messages[0].content[1]', signal: new AbortController().signal };
const dataUri = (bytes: Uint8Array | string): string => `data:;base64,${Buffer.from(bytes).toString('base64')}`;

function open(file: Uint8Array | string, asked: Partial<DocumentAsk> = {}, by: MediaResolver = media) {
  return by.forRequest().open(dataUri(file), { ...all, ...asked }, options);
}

/** `300x150` of a picture, the text of a text. */
const shown = (part: MediaPart): string =>
  part.type === 'text' ? part.text : `${part.bitmap.width}x${part.bitmap.height}`;

/** The pixel of a part in the middle of one of its quarters. */
function pixelAt(part: MediaPart | undefined, right: 0 | 1, below: 0 | 1): number[] {
  if (part?.type !== 'image') throw new Error('That is no picture.');
  const { width, height, rgb } = part.bitmap;
  const at = (Math.floor(height * (0.25 + below / 2)) * width + Math.floor(width * (0.25 + right / 2))) * 3;
  return [...rgb.subarray(at, at + 3)];
}

const idsOf = (parts: readonly MediaPart[]) => parts.map((part) => (part.type === 'text' ? part.text : part.bitmap.id));

/** How much darker than white a page with this content is, in black pixels. */
async function inkOf(content: string): Promise<number> {
  const [page] = await open(pdfOf({ width: 200, height: 100, content }));
  if (page?.type !== 'image') throw new Error('That is no picture.');
  return page.bitmap.rgb.reduce((sum, value) => sum + 255 - value, 0) / 255 / 3;
}

const red = [255, 0, 0];
const white = [255, 255, 255];
/** Red in its upper left quarter. */
const marked: PdfPageSpec = { width: 200, height: 100, content: '1 0 0 rg 0 50 100 50 re f' };

describe('a PDF', () => {
  it('becomes a picture for each page, on white, as long as the server says', async () => {
    const parts = await open(pdfOf(marked, { width: 100, height: 200 }));
    expect(parts.map(shown)).toEqual(['300x150', '150x300']);
    expect([pixelAt(parts[0], 0, 0), pixelAt(parts[0], 1, 0), pixelAt(parts[0], 0, 1)]).toEqual([red, white, white]);
    expect(parts[0]).toMatchObject({ bitmap: { id: expect.stringMatching(/^[0-9a-f]{64}$/) as string } });
  });

  it('is shown turned as it says', async () => {
    const [page] = await open(pdfOf({ ...marked, rotate: 90 }));
    expect([page && shown(page), pixelAt(page, 1, 0), pixelAt(page, 0, 0)]).toEqual(['150x300', red, white]);
  });

  it('is darkened by a line as much as its width says, also where that is less than a pixel', async () => {
    // A point is 1.5 pixels. Lines in 20 rows, each over the width of the page.
    const rows = Array.from({ length: 20 }, (_, row) => `0 ${String(3 + row * 5)} m 200 ${String(3 + row * 5)} l S`);
    const lines = (width: number) => inkOf(`${String(width)} w 0 G ${rows.join(' ')}`);
    const whole = await lines(2);
    expect((await lines(0.2)) / whole).toBeCloseTo(0.1, 1);
    // The matrix widens the line as all else.
    const narrow = await inkOf('0.1 0 0 0.1 0 0 cm 2 w 0 G 0 500 m 2000 500 l S');
    expect(narrow / (await inkOf('0.2 w 0 G 0 50 m 200 50 l S'))).toBeCloseTo(1, 1);
  });

  it.each<[string, PdfPageSpec, string]>([
    ['small', { width: 36, height: 18 }, '150x75'],
    ['huge', { width: 28_000_000, height: 14_000_000 }, '300x150'],
    ['narrow', { width: 10_000, height: 2 }, '300x1'],
  ])('with a %s page gets a picture that can be looked at', async (_, page, size) => {
    expect((await open(pdfOf(page))).map(shown)).toEqual([size]);
  });

  it('shows the pages that are asked for, in that order', async () => {
    const file = pdfOf(...[100, 200, 300, 400].map((width) => ({ width, height: 400 })));
    const pages = [{ first: 3 }, { first: 1, last: 1 }];
    expect((await open(file, { pages })).map(shown)).toEqual(['225x300', '300x300', '75x300']);
  });

  it('has the text of each page behind its picture where that is asked for', async () => {
    const file = pdfOf({ content: textAt(20, 60, 'First (1)') }, {}, { content: textAt(20, 60, 'Third') });
    const parts = await open(file, { textLayer: true });
    expect(parts.map(shown)).toEqual(['300x150', '\nFirst (1)\n', '300x150', '300x150', '\nThird\n']);
  });

  it('is shown at half its size where little detail is asked for', async () => {
    expect((await open(pdfOf(marked), { detail: 'low' })).map(shown)).toEqual(['150x75']);
  });

  it.each<[string, Partial<DocumentAsk>, string]>([
    ['one and a half times as large', { detail: 'high' }, '450x225'],
    ['within so many pixels', { maxPixels: 20_000 }, '200x100'],
    ['within so many pixels, however closely it is looked at', { detail: 'high', maxPixels: 5000 }, '100x50'],
  ])('is shown %s where that is asked for', async (_, asked, size) => {
    expect((await open(pdfOf(marked), asked)).map(shown)).toEqual([size]);
  });

  it('shows the fields of its form, and what is noted on it', async () => {
    const form = await open(await readFile(new URL('../fixtures/documents/form.pdf', import.meta.url)));
    expect([pixelAt(form[0], 0, 0), pixelAt(form[0], 1, 0)]).toEqual([red, white]);
  });

  it('has the same sizes and texts where nothing is drawn', async () => {
    const file = pdfOf(marked, { content: textAt(20, 60, 'Words') });
    const parts = await media.sizesForRequest().open(dataUri(file), { ...all, textLayer: true }, options);
    expect(parts.map(shown)).toEqual((await open(file, { textLayer: true })).map(shown));
    expect(parts[0]).toMatchObject({ bitmap: { rgb: new Uint8Array() } });
  });

  it('may begin with other bytes, and be told by its media type or not at all', async () => {
    const file = Buffer.concat([Buffer.from('From: a mail\r\n'), pdfOf(marked)]);
    for (const url of [pdfUri(file), dataUri(file)]) {
      expect((await media.forRequest().open(url, all, options)).map(shown)).toEqual(['300x150']);
    }
  });

  it.each<[string, Uint8Array | string, Partial<DocumentAsk>, string, RegExp]>([
    ['no pages', pdfOf(), {}, 'undecodable', /no pages|cannot be opened/],
    ...['', '/Kids []'].map((kids): [string, string, object, string, RegExp] => [
      `a page tree without kids (${kids})`,
      pdfOf({})
        .toString('latin1')
        .replace(/\/Kids \[[^\]]*\]/, kids),
      {},
      'undecodable',
      /no pages|damaged/,
    ]),
    ['nothing but its signature', '%PDF-1.7\n', {}, 'undecodable', /broken/],
    ['its second half missing', pdfOf(marked).subarray(0, 200), {}, 'undecodable', /broken|damaged|no pages/],
    [
      'too many pages',
      pdfOf(...Array.from({ length: 11 }, () => ({}))),
      {},
      'too_many_images',
      /11 pages.*--max-document-pages.*1-10/,
    ],
    [
      'a page asked for that it lacks',
      pdfOf({}),
      { pages: [{ first: 2, last: 2 }] },
      'invalid_request',
      /1 page: there is no page 2/,
    ],
    [
      'pages asked for too often',
      pdfOf({}),
      { pages: Array.from({ length: 11 }, () => ({ first: 1, last: 1 })) },
      'too_many_images',
      /11 pages/,
    ],
  ])('with %s is refused', async (_, file, asked, code, message) => {
    await expect(open(file, asked)).rejects.toMatchObject({
      code,
      param: options.param,
      message: expect.stringMatching(message) as string,
    });
  });

  it('that is encrypted is refused by that name', async () => {
    const file = await readFile(new URL('../fixtures/documents/encrypted.pdf', import.meta.url));
    await expect(open(file)).rejects.toMatchObject({
      code: 'undecodable',
      message: expect.stringContaining('encrypted') as string,
    });
  });

  it('may take as many pixels as other images', async () => {
    const small = createMediaResolver(mediaSettings({ maxMediaBytes: 300 * 150 * 3 }));
    try {
      expect(await open(pdfOf(marked, marked), {}, small)).toHaveLength(2);
      await expect(open(pdfOf(marked, marked, marked), {}, small)).rejects.toMatchObject({
        code: 'decode_too_large',
        message: expect.stringMatching(/^Page 3 of the PDF.*"pages": "1-2"/) as string,
      });
    } finally {
      await small.close();
    }
  });

  it('is not drawn again where the encoded form of all its pages is known', async () => {
    const file = pdfOf(marked, { content: textAt(20, 60, 'Words') });
    const ids = new Set<string>();
    const again = () =>
      media
        .forRequest(({ id }) => (ids.has(id) ? { id } : undefined))
        .open(dataUri(file), { ...all, textLayer: true }, options);
    const first = await again();
    const [one = '', two = ''] = first.flatMap((part) => (part.type === 'image' ? [part.bitmap.id] : []));
    ids.add(one);
    expect(await again()).toEqual(first);
    ids.add(two);
    const known = await again();
    expect(idsOf(known)).toEqual(idsOf(first));
    expect(known[0]).toMatchObject({ bitmap: { encoded: { id: one }, rgb: new Uint8Array() } });
  });

  it('that takes all of the memory harms no other', async () => {
    // A picture of 60,000 by 60,000 in 16 bytes of runs.
    const image = 'q 200 0 0 100 0 0 cm BI /W 60000 /H 60000 /BPC 8 /CS /RGB /F /RL ID \u0081\u0000 EI Q';
    const outcome = await open(pdfOf({ content: image }, marked)).catch((error: unknown) => error);
    expect(outcome).toSatisfy((it: unknown) => Array.isArray(it) || (it as { code?: string }).code === 'undecodable');
    expect((await open(pdfOf(marked))).map(shown)).toEqual(['300x150']);
  });
});

describe('a document of another kind', () => {
  it.each<[string, Uint8Array | string, string]>([
    ['text', '# A heading\r\nGrüße', '# A heading\nGrüße'],
    ['text with a byte order mark', Buffer.from('\uFEFFGrüße'), 'Grüße'],
    ['text in UTF-16', Buffer.from('\uFEFFGrüße', 'utf16le'), 'Grüße'],
  ])('is %s as it stands', async (_, file, text) => {
    expect(await open(file)).toEqual([{ type: 'text', text }]);
  });

  it('is an image if it is one', async () => {
    const file = await sharp({ create: { width: 30, height: 20, channels: 3, background: 'red' } })
      .png()
      .toBuffer();
    expect((await open(file)).map(shown)).toEqual(['30x20']);
  });

  it.each<[string, Uint8Array | string, Partial<DocumentAsk>, string, RegExp]>([
    ['nothing', '', {}, 'bad_data_uri', /no data/],
    ['a Word document', 'PK\u0003\u0004', {}, 'undecodable', /ZIP.*Word.*Save it as PDF/],
    ['an old Word document', Buffer.from('d0cf11e0a1b11ae1', 'hex'), {}, 'undecodable', /old Word/],
    ['RTF', String.raw`{\rtf1 a}`, {}, 'undecodable', /RTF/],
    ['a video', '\0\0\0\u0018ftypmp42', {}, 'undecodable', /video_url/],
    ['bytes', Buffer.from([1, 2, 3, 200]), {}, 'undecodable', /neither a PDF nor/],
    ['pages of a text', 'Words', { pages: [{ first: 1 }] }, 'invalid_request', /no pages. Leave out pages/],
    ['the text layer of a text', 'Words', { textLayer: true }, 'invalid_request', /Leave out text_layer/],
  ])('is refused as %s', async (_, file, asked, code, message) => {
    await expect(open(file, asked)).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string });
  });
});

describe('the place of a document', () => {
  it('may be a URL', async () => {
    // Some servers name a compression that they did not apply.
    const headers = { 'content-type': 'application/octet-stream', 'content-encoding': 'gzip' };
    const server = createServer((_, response) => response.writeHead(200, headers).end(pdfOf(marked)));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    onTestFinished(() => void server.close());
    const local = createMediaResolver(mediaSettings({ allowedMediaHosts: ['127.0.0.1'] }));
    onTestFinished(() => local.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/a.pdf`;
    expect((await local.forRequest().open(url, all, options)).map(shown)).toEqual(['300x150']);
  });

  it.each([
    ['ssrf_blocked', 'http://127.0.0.1/a.pdf', /The document URL/],
    ['bad_file_uri', 'file:///etc/passwd', /./],
    ['bad_scheme', 'ftp://example.org/a.pdf', /The document URL/],
  ])('is guarded as that of an image: %s', async (code, url, message) => {
    await expect(media.forRequest().open(url, all, options)).rejects.toMatchObject({
      code,
      param: options.param,
      message: expect.stringMatching(message) as string,
    });
  });
});
