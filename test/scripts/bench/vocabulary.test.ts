import { expect, test } from 'vitest';
import { letterPieces } from '../../../scripts/bench/vocabulary.ts';

test('Every piece of letters can be merged from two shorter pieces, as SentencePiece needs', () => {
  const pieces = letterPieces(32_000);
  expect(pieces).toHaveLength(32_000);
  const texts = new Set(pieces.map(({ text }) => text));
  expect(texts.size).toBe(32_000);
  const letters = [...texts].filter((text) => /^\u2581?[a-z]+$/.test(text) && text.length > 1);
  const unreachable = letters.filter(
    (text) => !Array.from(text, (_, i) => i).some((i) => texts.has(text.slice(0, i)) && texts.has(text.slice(i))),
  );
  expect(unreachable).toEqual([]);
});
