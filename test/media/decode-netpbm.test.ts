import { expect, it } from 'vitest';
import { decodeNetpbm } from '../../src/media/decode-netpbm.ts';
import { growth } from '../support/growth.ts';

function cpuMsOf(work: () => unknown): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

const decode = (file: Uint8Array) => decodeNetpbm(file, () => undefined);
const textFile = (width: number, height: number): Buffer =>
  Buffer.from(`P3 ${width} ${height} 65535\n${'200 17 3 '.repeat(width * height)}`);
const binaryFile = (width: number, height: number): Buffer =>
  Buffer.concat([Buffer.from(`P6 ${width} ${height} 65535\n`), Buffer.alloc(width * height * 6, 7)]);

it('reads text in a time that grows with it, a few times that of binary', async () => {
  decode(textFile(300, 300));
  decode(binaryFile(300, 300));
  const wholeMs = () => cpuMsOf(() => decode(textFile(1000, 2000)));
  expect(await growth(() => cpuMsOf(() => decode(textFile(1000, 500))), wholeMs, 10)).toBeLessThan(10);
  expect(await growth(() => cpuMsOf(() => decode(binaryFile(1000, 2000))), wholeMs, 25)).toBeLessThan(25);
});

it.each([
  ['P1 3 1 010', [255, 0, 255]],
  ['P1 3 1\n0 # a comment\n1\n0', [255, 0, 255]],
  ['P1 3 1 0107', [255, 0, 255]],
  ['P2 3 1 2 0 1 2', [0, 128, 255]],
  ['P2\n# a comment\n3 1 2 0 1 9', [0, 128, 255]],
])('reads %j', (text, grays) => {
  expect([...decode(Buffer.from(text)).rgb].filter((_, index) => index % 3 === 0)).toEqual(grays);
});

it.each([
  ['P1 3 1 01', 'it is truncated'],
  ['P1 3 1 01x', 'it has "x" where a number should be'],
  ['P2 3 1 2 0 1', 'it is truncated'],
  ['P2 3 1 2 0 1a 2', 'it has "1a" where a number should be'],
  ['P2 3 1 2 0 -1 2', 'it has "-1" where a number should be'],
  ['P2 3 99999999999 2 0', 'it has "99999999999" where a number should be'],
  ['P2 3', 'it is truncated'],
])('says what is wrong with %j', (text, message) => {
  expect(() => decode(Buffer.from(text))).toThrow(message);
});
