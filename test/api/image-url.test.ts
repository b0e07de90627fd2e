import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isImageInBase64, readImageData, readImageUrl } from '../../src/api/request/image-url.ts';
import { LongText } from '../../src/api/index.ts';

const base64 = 'iVBORw0KGgo/AAA+'.repeat(5000);

/** A text in pieces, each of which owns its memory, as the server reads one. */
function long(text: string): LongText {
  const middle = Math.floor(text.length / 2);
  return new LongText([text.slice(0, middle), text.slice(middle)].map((piece) => new Uint8Array(Buffer.from(piece))));
}

describe('a long image', () => {
  it.each<[string, string, string]>([
    ['in base64', base64, `data:;base64,${base64}`],
    ['in base64 of URLs', base64.replaceAll('/', '_'), `data:;base64,${base64.replaceAll('/', '_')}`],
    ['as a data URI', `data:image/png;base64,${base64}`, `data:image/png;base64,${base64}`],
    ['as a data URI with parameters', `DATA:;a=b; base64 ,${base64}`, `DATA:;a=b; base64 ,${base64}`],
    ['as a data URI that does not say base64', `data:image/png,${base64}`, `data:image/png;base64,${base64}`],
    ['percent-encoded', `data:,%89PNG${base64}`, `data:,%89PNG${base64}`],
    ['at a URL', `https://a/${base64}`, `https://a/${base64}`],
  ])('%s is the same as a short one', (_, given, expected) => {
    const read = readImageUrl(long(given), 'url');
    expect(String(read)).toBe(expected);
    expect(readImageUrl(given, 'url')).toBe(expected);
    if (!(read instanceof LongText)) throw new Error('It was copied into a string.');
    // The memory of each piece moves to another thread.
    for (const { buffer, byteLength } of read.pieces) expect(buffer.byteLength).toBe(byteLength);
  });

  it('as data is base64, or a data URI', () => {
    expect(String(readImageData(long(base64), 'data'))).toBe(`data:;base64,${base64}`);
    expect(String(readImageData(long(`data:image/png,${base64}`), 'data'))).toBe(`data:image/png;base64,${base64}`);
    // However short: it can be nothing else.
    expect(readImageData(' AAAA ', 'data')).toBe('data:;base64,AAAA');
  });
});

describe('an image URL', () => {
  it.each([[undefined], [5], [''], [' \n'], [{}], [['data:,a']]])('is not %j', (value) => {
    for (const read of [readImageUrl, readImageData]) {
      expect(() => read(value, 'a.b')).toThrow(
        expect.objectContaining({ code: 'invalid_request', param: 'a.b' }) as Error,
      );
    }
  });

  it.each(['/home/ann/pictures/of/the/last/summer/on/the/coast.png', 'cat.png', 'AAAA', 'file:///home/ann/cat'])(
    'that is a path or a word stays what it is: %s',
    (url) => {
      expect(readImageUrl(url, 'url')).toBe(url);
    },
  );
});

describe('an image in base64', () => {
  it('is known by its first bytes, of every format', () => {
    const folder = new URL('../fixtures/images/', import.meta.url);
    const files = readdirSync(folder).filter((name) => !/\.(json|txt|md|svg)$/.test(name));
    const unknown = files.filter((name) => !isImageInBase64(readFileSync(new URL(name, folder)).toString('base64')));
    expect([files.length > 10, unknown]).toEqual([true, []]);
  });
});
