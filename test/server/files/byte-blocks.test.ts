import { expect, it } from 'vitest';
import { ByteBlocks } from '../../../src/server/files/byte-blocks.ts';

const before = process.memoryUsage().arrayBuffers;

it('a file that has hardly begun to come takes hardly any memory', () => {
  const begun = Array.from({ length: 500 }, () => new ByteBlocks());
  for (const blocks of begun) blocks.push(new Uint8Array([1]));
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(500 * 64 * 1024);
  expect(begun.every(({ bytes }) => bytes === 1)).toBe(true);
});

it('a large one comes in large pieces, none larger than what is copied at a time', () => {
  const blocks = new ByteBlocks();
  const sent = Buffer.from(Array.from({ length: 5_000_000 }, (_, index) => index % 251));
  for (let at = 0; at < sent.length; at += 70_000) blocks.push(sent.subarray(at, at + 70_000));
  const pieces = blocks.end();
  expect(Buffer.concat(pieces).equals(sent)).toBe(true);
  expect(pieces.length).toBeLessThan(20);
  expect(Math.max(...pieces.map(({ length }) => length))).toBe(1024 * 1024);
});
