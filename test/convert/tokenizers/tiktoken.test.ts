import { expect, test } from 'vitest';
import { mergesOf, parseTiktoken } from '../../../src/convert/tokenizers/tiktoken.ts';

function vocabulary(...tokens: string[]): string {
  return tokens.map((token, rank) => `${Buffer.from(token).toString('base64')} ${rank}\n`).join('');
}

test('a token comes with its rank, in the characters of a byte-level vocabulary', () => {
  const ranks = parseTiktoken(vocabulary('a', ' ', 'é', ' a'), 'tiktoken.model');
  expect([...ranks]).toEqual([
    ['a', 0],
    ['\u0120', 1],
    ['\u00c3\u00a9', 2],
    ['\u0120a', 3],
  ]);
});

test('merges join what was joined before', () => {
  const ranks = parseTiktoken(vocabulary('a', 'b', 'c', 'ab', 'bc', 'abc', 'cab'), 'tiktoken.model');
  expect(mergesOf(ranks)).toEqual(['a b', 'b c', 'ab c', 'c ab']);
});

test('a token that no two parts make up has no merge', () => {
  expect(mergesOf(parseTiktoken(vocabulary('a', 'b', 'c', 'abc'), 'tiktoken.model'))).toEqual([]);
});

test('a line that is no token is an error that names it', () => {
  expect(() => parseTiktoken('YQ== 0\nnonsense\n', 'tiktoken.model')).toThrow(/tiktoken\.model.*line 2/);
});
