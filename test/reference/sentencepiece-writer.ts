import { pieceTypes } from '../../src/convert/tokenizers/sentencepiece-model.ts';
import type { SentencePiece } from '../../src/convert/tokenizers/sentencepiece-model.ts';

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];
}

/** A SentencePiece model (sentencepiece_model.proto) of `pieces`, of type BPE. */
export function sentencePieceModel(pieces: readonly SentencePiece[]): Buffer {
  const messages = pieces.map(({ text, score, type }) => {
    const utf8 = Buffer.from(text);
    const scoreBytes = Buffer.alloc(4);
    scoreBytes.writeFloatLE(score);
    const body = Buffer.concat([Buffer.from([0x0a, ...varint(utf8.length)]), utf8, Buffer.from([0x15]), scoreBytes]);
    const typed = type === pieceTypes.normal ? body : Buffer.concat([body, Buffer.from([0x18, type])]);
    return Buffer.concat([Buffer.from([0x0a, ...varint(typed.length)]), typed]);
  });
  const trainerSpec = Buffer.from([0x12, 0x05, 0x18, 0x02, 0x98, 0x02, 0x01]); // model_type BPE, byte_fallback
  return Buffer.concat([...messages, trainerSpec]);
}

/** A vocabulary of `size` pieces that has every type of piece, laid out like Gemma's. */
export function syntheticPieces(size: number): SentencePiece[] {
  const special = [
    { text: '<pad>', score: 0, type: pieceTypes.control },
    { text: '<eos>', score: 0, type: pieceTypes.control },
    { text: '<bos>', score: 0, type: pieceTypes.control },
    { text: '<unk>', score: 0, type: pieceTypes.unknown },
    { text: '<mask>', score: 0, type: pieceTypes.userDefined },
    { text: '\u2581\u2581', score: 0, type: pieceTypes.userDefined },
    { text: '<unused0>', score: 0, type: pieceTypes.unused },
  ];
  const bytes = Array.from({ length: 256 }, (_, byte) => ({
    text: `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
    score: 0,
    type: pieceTypes.byte,
  }));
  const first = special.length + bytes.length;
  const words = Array.from({ length: Math.max(size - first, 0) }, (_, i) => ({
    text: `\u2581w\u00f6rt${i}`,
    score: -i - 0.25,
    type: pieceTypes.normal,
  }));
  return [...special, ...bytes, ...words].slice(0, size);
}
