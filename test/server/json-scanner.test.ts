import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LongText } from '../../src/api/index.ts';
import { JsonScanner } from '../../src/server/json-scanner.ts';

const KIB = 1024;
const copy = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => bytes.slice();

function parse(chunks: readonly string[]): unknown {
  const scanner = new JsonScanner();
  for (const chunk of chunks) scanner.push(chunk);
  return scanner.end();
}

/** Cuts a text after each of `lengths` characters, again and again. */
function cut(text: string, lengths: readonly number[]): string[] {
  const chunks: string[] = [];
  for (let start = 0, turn = 0; start < text.length; turn += 1) {
    const length = lengths[turn % lengths.length] ?? 1;
    chunks.push(text.slice(start, start + length));
    start += length;
  }
  return chunks;
}

function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_key, item: unknown) => (item instanceof LongText ? String(item) : item)));
}

/** JSON of a text with more escapes than it needs. */
function escapeAll(value: string): string {
  return JSON.stringify(value)
    .replaceAll('/', '\\/')
    .replace(/[\ud800-\udfff]/g, (half) => `\\u${half.charCodeAt(0).toString(16)}`);
}

function nested(depth: number): string {
  return '[{"":'.repeat(depth / 2) + '0' + '}]'.repeat(depth / 2);
}

const lengths = (max: number) => fc.array(fc.integer({ min: 1, max }), { minLength: 1, maxLength: 5 });

describe('JsonScanner', () => {
  it('reads whatever JSON.parse reads, however it is cut', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(0, 1, '\t'), lengths(9), (value, indent, sizes) => {
        const json = JSON.stringify(value, undefined, indent);
        expect(parse(cut(json, sizes))).toEqual(JSON.parse(json));
      }),
      { numRuns: 2000 },
    );
  });

  it('refuses whatever JSON.parse refuses', () => {
    const token = fc.constantFrom('{', '}', '[', ']', ',', ':', '"', '\\', 'a', '"a"', '1', 'null', ' ', '\n', '\\u12');
    fc.assert(
      fc.property(fc.array(token, { maxLength: 12 }), lengths(4), (tokens, sizes) => {
        const json = tokens.join('');
        let expected: unknown;
        try {
          expected = JSON.parse(json);
        } catch {
          expect(() => parse(cut(json, sizes))).toThrow(expect.objectContaining({ code: 'invalid_json' }) as Error);
          return;
        }
        expect(parse(cut(json, sizes))).toEqual(expected);
      }),
      { numRuns: 5000 },
    );
  });

  it('takes long data URIs out of the JSON, escapes and all, and leaves other texts in it', () => {
    const unit = fc.constantFrom('A', '/', 'é', '"', '\\', '\n', '\u0001', '\ud83d', '\ude00', '😀', 'u', '%');
    const text = fc.array(unit, { minLength: 1, maxLength: 40 }).map((units) => Buffer.from(units.join('')).toString());
    const options = { numRuns: 300 };
    fc.assert(
      fc.property(text, fc.boolean(), lengths(7), lengths(64 * KIB), (repeated, isEscaped, small, sizes) => {
        const uri = `data:${repeated.repeat(Math.ceil((70 * KIB) / repeated.length))}`;
        const quoted = isEscaped ? escapeAll(uri) : JSON.stringify(uri);
        const json = `{"url": ${quoted}, "same": [${quoted}], "other": ${JSON.stringify(`x${uri}`)}, "n": 1}`;
        const value = parse([
          ...cut(json.slice(0, 80 * KIB), sizes),
          ...cut(json.slice(80 * KIB, 81 * KIB), small),
          json.slice(81 * KIB),
        ]) as Record<string, unknown>;
        expect(value['url']).toBeInstanceOf(LongText);
        expect(plain(value)).toEqual({ url: uri, same: [uri], other: `x${uri}`, n: 1 });
      }),
      options,
    );
  });

  it.each([
    ['a raw line break', '\n'],
    ['an unknown escape', '\\x'],
    ['a broken escape', '\\u12g4'],
    ['an escape without its end', '\\u12"'],
  ])('refuses a long data URI with %s', (_, bad) => {
    const long = 'A'.repeat(64 * KIB);
    expect(() => parse(['{"url":"data:', long, bad, '"}'])).toThrow(
      expect.objectContaining({ code: 'invalid_json' }) as Error,
    );
  });

  it('takes bytes as they come only where each stands for itself, wherever the one stands that does not', () => {
    const scanner = new JsonScanner();
    scanner.push('"data:');
    scanner.push('A'.repeat(64 * KIB));
    for (let at = 0; at < 19; at += 1) {
      for (let byte = 0; byte < 256; byte += 1) {
        for (const offset of [0, 1, 2, 3]) {
          const bytes = new Uint8Array(19 + offset).subarray(offset).fill(0x41);
          bytes[at] = byte;
          const isPlain = byte >= 0x20 && byte < 0x80 && byte !== 0x22 && byte !== 0x5c;
          expect(scanner.pushPlain(bytes, copy), `byte ${byte} at ${at}, offset ${offset}`).toBe(
            isPlain ? bytes.length : byte === 0x22 ? at : 0,
          );
        }
      }
    }
  });

  it('is not deceived by what looks like the mark of a long text', () => {
    const uri = `data:,${'A'.repeat(64 * KIB)}`;
    const value = parse([`["${uri.slice(0, 20)}`, uri.slice(20), '", "0", "undefined0"]']);
    expect(plain(value)).toEqual([uri, '0', 'undefined0']);
  });

  it.each([
    ['plainly', '{"a":1,"b":2,"a":3}'],
    ['by an escape', '{"a":1,"\\u0061":3}'],
    ['further in', '[{"x":{}},{"x":[],"y":{"k":1,"k":2}}]'],
    ['as a prototype', '{"__proto__":{"a":1},"__proto__":{"b":2}}'],
  ])('takes the last value of a key that stands twice in one object, %s', (_, json) => {
    for (const sizes of [[1], [1000]]) expect(parse(cut(json, sizes))).toEqual(JSON.parse(json));
  });

  it('takes the last value of a key that has two long data URIs', () => {
    const [first, second] = ['A', 'B'].map((letter) => `data:,${letter.repeat(70 * KIB)}`);
    const json = `{"url":"${first}","url":"${second}"}`;
    expect(plain(parse(cut(json, [64 * KIB])))).toEqual({ url: second });
  });

  it.each(['\\', '\\u', '\\u00', '\\ud83d', '\\ud83d\\ude'])('takes no bytes as they come after %s', (open) => {
    const scanner = new JsonScanner();
    scanner.push('["data:,');
    scanner.push(`${'A'.repeat(64 * KIB)}${open}`);
    expect(scanner.pushPlain(Buffer.alloc(64 * KIB, '0'), copy)).toBe(0);
  });

  it.each([
    ['an image', '/9j/', '+/Aa'],
    ['an image in the base64 of URLs', '_9j_', '-_Aa'],
    ['an image whose slashes are escaped', '\\/9j\\/', '+\\/Aa'],
  ])('takes %s in base64 out as it takes data URIs', (_, start, unit) => {
    const json = `{"images":["${start}${unit.repeat(20 * KIB)}"]}`;
    const { images } = parse(cut(json, [64 * KIB])) as { images: unknown[] };
    expect(images[0]).toBeInstanceOf(LongText);
    expect(plain({ images })).toEqual(JSON.parse(json));
  });

  it('leaves a long key alone, though it looks like a data URI', () => {
    const key = `data:,${'A'.repeat(70 * KIB)}`;
    expect(parse(cut(`{"a":{"b":1},"${key}":"c"}`, [64 * KIB]))).toEqual({ a: { b: 1 }, [key]: 'c' });
  });

  it('takes 100 levels and no more', () => {
    expect(() => parse([nested(100)])).not.toThrow();
    expect(() => parse([nested(102)])).toThrow('nested more than 100 levels');
  });

  it('stops at too many values, and at too much text, before the end has come', () => {
    const values = new JsonScanner();
    expect(() => {
      for (let chunk = 0; chunk < 100; chunk += 1) values.push('[],'.repeat(20_000));
    }).toThrow('more than 100000 values');
    const text = new JsonScanner();
    expect(() => {
      text.push('{"content":"');
      for (let chunk = 0; chunk < 300; chunk += 1) text.push('A'.repeat(64 * KIB));
    }).toThrow(expect.objectContaining({ code: 'request_too_large' }) as Error);
    const space = new JsonScanner();
    expect(() => {
      for (let chunk = 0; chunk < 300; chunk += 1) space.push(' '.repeat(64 * KIB));
    }).toThrow(expect.objectContaining({ code: 'request_too_large' }) as Error);
  });
});
