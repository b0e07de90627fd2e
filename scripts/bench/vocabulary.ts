import { pieceTypes } from '../../src/convert/tokenizers/sentencepiece-model.ts';
import type { SentencePiece } from '../../src/convert/tokenizers/sentencepiece-model.ts';

/** Gemma's markers, by their place in the vocabulary. */
export const markers = [
  '<pad>',
  '<eos>',
  '<bos>',
  '<unk>',
  '<start_of_turn>',
  '<end_of_turn>',
  '<start_of_image>',
  '<end_of_image>',
];

const space = '\u2581';

/**
 * A vocabulary of `size` pieces that cuts English into two or three letters a token: the markers, a piece for each byte,
 * then strings of lower-case letters from short to long, each also after a space. Every piece can be merged from
 * shorter ones.
 */
export function letterPieces(size: number): SentencePiece[] {
  const special = markers.map((text) => ({
    text,
    score: 0,
    type: text === '<unk>' ? pieceTypes.unknown : pieceTypes.control,
  }));
  const bytes = Array.from({ length: 256 }, (_, byte) => ({
    text: `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
    score: 0,
    type: pieceTypes.byte,
  }));
  const letters = 'abcdefghijklmnopqrstuvwxyz'.split('');
  const pairs = letters.flatMap((first) => letters.map((second) => first + second));
  const triples = pairs.flatMap((pair) => letters.map((last) => pair + last));
  const texts = [space, ...[...letters, ...pairs, ...triples].flatMap((text) => [text, space + text])];
  const normal = texts.map((text, i) => ({ text, score: -i, type: pieceTypes.normal }));
  return [...special, ...bytes, ...normal].slice(0, size);
}
