import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { sentencePieceModel, syntheticPieces } from '../../reference/sentencepiece-writer.ts';
import { VserveError } from '../../../src/errors/index.ts';
import { parseSentencePieceModel } from '../../../src/convert/tokenizers/sentencepiece-model.ts';

const pieces = syntheticPieces(300);
const model = sentencePieceModel(pieces);

test('reads every piece with its text, score and type', () => {
  expect(parseSentencePieceModel(model)).toEqual(pieces);
});

test('skips fields it does not know, of every wire type', () => {
  const unknown = Buffer.from([0x78, 0xff, 0x01, 0x79, 0, 0, 0, 0, 0, 0, 0, 0, 0x7a, 0x01, 0x00, 0x7d, 0, 0, 0, 0]);
  expect(parseSentencePieceModel(Buffer.concat([unknown, model]))).toEqual(pieces);
});

test('a changed byte gives pieces or a named error', () => {
  fc.assert(
    fc.property(fc.nat(model.byteLength - 1), fc.nat(255), fc.nat(model.byteLength), (at, byte, length) => {
      const changed = Buffer.from(model.subarray(0, length));
      if (at < length) changed[at] = byte;
      try {
        parseSentencePieceModel(changed);
      } catch (error) {
        expect(error).toBeInstanceOf(VserveError);
      }
    }),
    { seed: 3, numRuns: 500 },
  );
});
