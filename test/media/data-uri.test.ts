import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeData } from '../../src/media/data-encoding.ts';
import { readDataUri } from '../../src/media/data-uri.ts';
import { MediaBudget } from '../../src/media/media-budget.ts';

/** Reads a URI, which comes in pieces of `pieceBytes`. */
function read(uri: string, { maxBytes = 1024 * 1024, pieceBytes = Infinity } = {}): Buffer {
  const utf8 = new TextEncoder().encode(uri);
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for (let start = 0; start < utf8.length; start += pieceBytes) pieces.push(utf8.slice(start, start + pieceBytes));
  const budget = new MediaBudget(maxBytes);
  const data = readDataUri(pieceBytes === Infinity ? uri : { pieces });
  if (data.encoding === 'bytes') throw new Error('A data: URI holds no plain bytes');
  return decodeData(data.pieces, data.encoding, (bytes) => budget.spendEncoded(bytes));
}

function errorOf(uri: string, options = {}): unknown {
  try {
    return read(uri, options);
  } catch (error) {
    return error;
  }
}

/** The bytes in hexadecimal, or that there are none. */
function outcomeOf(uri: string, options = {}): string {
  const outcome = errorOf(uri, options);
  if (outcome instanceof Buffer) return outcome.toString('hex');
  expect(outcome).toMatchObject({ code: 'bad_data_uri' });
  return 'refused';
}

/** Bytes that use every character of the alphabet. */
const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => (index * 167) & 0xff));

describe('readDataUri', () => {
  it.each([
    ['base64', `data:image/png;base64,${bytes.toString('base64')}`],
    ['no media type', `data:;base64,${bytes.toString('base64')}`],
    ['a media type with parameters', `data:image/png;name=a.png;base64,${bytes.toString('base64')}`],
    ['a wrong media type', `data:text/html;base64,${bytes.toString('base64')}`],
    ['upper case', `DATA:image/png;BASE64,${bytes.toString('base64')}`],
    ['no padding', `data:image/png;base64,${bytes.toString('base64').replace(/=+$/, '')}`],
    ['the URL-safe alphabet', `data:image/png;base64,${bytes.toString('base64url')}`],
    ['line breaks', `data:image/png;base64,\n${bytes.toString('base64').replace(/.{76}/g, '$&\r\n')} \t`],
    ['escaped characters', `data:image/png;base64,${encodeURIComponent(bytes.toString('base64'))}`],
    [
      'percent-encoding',
      `data:image/png,${[...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')}`,
    ],
  ])('reads %s', (_, uri) => {
    expect(read(uri)).toEqual(bytes);
    expect(read(uri, { pieceBytes: 50 })).toEqual(bytes);
  });

  it('takes characters that are not escaped as they are', () => {
    expect(read('data:,P3 1 1 255%0a1 2 3é').toString()).toBe('P3 1 1 255\n1 2 3é');
  });

  it.each([1, 2, 3, 4, 5, 77])('reads long data piece by piece, line breaks every %i characters', (lineLength) => {
    const long = Buffer.alloc(300_000, bytes);
    const text = long.toString('base64').replace(new RegExp(`.{${lineLength}}`, 'g'), '$&%0A');
    expect(read(`data:image/png;base64,${text}`, { pieceBytes: 65_536 }).equals(long)).toBe(true);
  });

  it('reads long percent-encoded data whose escapes lie across pieces', () => {
    const text = `a${'%C3%A9'.repeat(60_000)}😀`;
    expect(read(`data:,${text}`, { pieceBytes: 65_536 }).toString()).toBe(`a${'é'.repeat(60_000)}😀`);
  });

  it.each([
    ['no comma', 'data:image/png;base64'],
    ['no data', 'data:image/png;base64,'],
    ['only white space', 'data:image/png;base64, \n'],
    ['a foreign character', 'data:image/png;base64,AAAA*AAA'],
    ['data behind its padding', 'data:image/png;base64,AA==AAAA'],
    ['data behind its padding, in another piece', `data:image/png;base64,${'A'.repeat(262_142)}==AAAA`],
    ['data far behind its padding', `data:image/png;base64,AA==${' '.repeat(3000)}AAAA`],
    ['half a byte', 'data:image/png;base64,AAAAA'],
    ['a broken escape', 'data:,100%'],
    ['a long run of padding', `data:image/png;base64,A${'='.repeat(200_000)}!`],
  ])('refuses %s', (_, uri) => {
    expect(errorOf(uri)).toMatchObject({ code: 'bad_data_uri' });
    expect(errorOf(uri, { pieceBytes: 1000 })).toMatchObject({ code: 'bad_data_uri' });
  });

  it('counts bytes, not characters, and takes exactly the budget', () => {
    const uri = `data:image/png;base64,${bytes.toString('base64')}`;
    expect(read(uri, { maxBytes: 256 })).toHaveLength(256);
    expect(errorOf(uri, { maxBytes: 255 })).toMatchObject({ code: 'over_budget' });
  });

  it('reads any bytes, in any usual spelling, however it is cut', () => {
    const space = fc.constantFrom('', ' ', '\n', '%0A', '%20', '\t\r\n');
    const spellings = fc.constantFrom<(base64: string) => string>(
      (base64) => base64,
      (base64) => base64.replace(/=+$/, ''),
      (base64) => base64.replaceAll('+', '-').replaceAll('/', '_'),
      (base64) => base64.replaceAll('+', '%2B').replaceAll('/', '%2f').replaceAll('=', '%3D'),
    );
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 300 }),
        spellings,
        fc.array(space, { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 20, max: 60 }),
        (given, spell, spaces, pieceBytes) => {
          const spelt = spell(Buffer.from(given).toString('base64')).split('');
          // White space may stand between any two characters, but not inside an escape.
          const text = spelt.map(
            (character, i) => `${/[%0-9a-f]/i.test(character) ? '' : spaces[i % spaces.length]}${character}`,
          );
          const uri = `data:;base64,${text.join('')}`;
          expect([...read(uri)]).toEqual([...given]);
          expect([...read(uri, { pieceBytes })]).toEqual([...given]);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('reads what it reads of any text, or says bad_data_uri', () => {
    const piece = fc.oneof(fc.string(), fc.constantFrom('%', '%4', '=', 'AAAA', '\ud83d', 'é', ','));
    fc.assert(
      fc.property(fc.constantFrom('', ';base64'), fc.array(piece), (kind, pieces) => {
        const uri = `data:${kind},${pieces.join('')}`;
        expect(outcomeOf(uri, { pieceBytes: 16 })).toBe(outcomeOf(uri));
      }),
      { numRuns: 2000 },
    );
  });
});
