import { expect, it } from 'vitest';
import { LongText } from '../../src/api/index.ts';
import { longJson } from '../../src/server/long-json.ts';

const longText = (...pieces: readonly string[]): LongText =>
  new LongText(pieces.map((piece) => new Uint8Array(Buffer.from(piece))));

it.each<[string, unknown]>([
  ['nothing long', { data: [1, 'a', null], has_more: false, gone: undefined }],
  ['long texts', [longText('data:', 'image'), { b: longText('é"\\\n', '\u0000x'), a: [longText()] }]],
  ['only one', longText('a', 'b')],
])('the JSON of %s is that of JSON.stringify', (_, value) => {
  expect(Buffer.concat([...longJson(value)]).toString()).toBe(JSON.stringify(value));
});

it('a long text never becomes one string: its pieces come one by one', () => {
  const piece = 'x'.repeat(64 * 1024);
  const sizes = Array.from(
    longJson({ url: longText(...Array.from({ length: 50 }, () => piece)) }),
    ({ length }) => length,
  );
  expect(Math.max(...sizes)).toBe(piece.length);
  expect(sizes.length).toBeGreaterThan(50);
});
