import { VserveError } from '../../errors/index.ts';
import { fieldsOf } from './protobuf.ts';

/** `ModelProto.SentencePiece.Type` of sentencepiece_model.proto. */
export const pieceTypes = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

/** A piece of a SentencePiece vocabulary; its position is its token id. */
export interface SentencePiece {
  readonly text: string;
  readonly score: number;
  readonly type: number;
}

const fields = { modelPieces: 1, pieceText: 1, pieceScore: 2, pieceType: 3 } as const;

/**
 * Parses the vocabulary of a SentencePiece model, a protobuf message (sentencepiece_model.proto: `ModelProto.pieces`).
 *
 * Throws `checkpoint_invalid` when it is truncated or corrupt.
 */
export function parseSentencePieceModel(model: Uint8Array): SentencePiece[] {
  let pieces: SentencePiece[];
  try {
    pieces = [...fieldsOf(model)].flatMap(({ number, value }) =>
      number === fields.modelPieces && typeof value !== 'number' ? [parsePiece(value)] : [],
    );
  } catch (error) {
    throw corrupt(error instanceof Error ? error.message : String(error), error);
  }
  const unknowns = pieces.filter(({ type }) => type === pieceTypes.unknown).length;
  if (unknowns !== 1) throw corrupt(`it defines ${unknowns} unknown pieces instead of one`);
  if (pieces.some(({ text }) => text === '')) throw corrupt('it holds an empty piece');
  return pieces;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function parsePiece(message: Uint8Array): SentencePiece {
  let text = '';
  let score = 0;
  let type: number = pieceTypes.normal;
  for (const { number, value } of fieldsOf(message)) {
    if (number === fields.pieceType && typeof value === 'number') type = value;
    if (typeof value === 'number') continue;
    if (number === fields.pieceText) text = utf8.decode(value);
    if (number === fields.pieceScore && value.byteLength === 4) {
      score = new DataView(value.buffer, value.byteOffset).getFloat32(0, true);
    }
  }
  return { text, score, type };
}

function corrupt(what: string, cause?: unknown): VserveError {
  const message = `tokenizer.model is not a valid SentencePiece model: ${what}. Download it again.`;
  return new VserveError('checkpoint_invalid', message, { cause });
}
