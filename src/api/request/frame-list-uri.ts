import { startOfText } from './image-url.ts';
import { LongText } from './long-text.ts';

const COMMA = 0x2c;
const HEADER = /^\s*data:video\/jpeg;base64,/i;

/**
 * The frames of vLLM's `data:video/jpeg;base64,FRAME,FRAME,…`, as a data URI each; undefined for any other URL. Nothing
 * but the commas is looked at.
 */
export function framesInUri(url: string | LongText): (string | LongText)[] | undefined {
  const header = HEADER.exec(startOfText(url))?.[0];
  if (header === undefined) return undefined;
  if (typeof url === 'string')
    return url
      .slice(header.length)
      .split(',')
      .map((frame) => `data:image/jpeg;base64,${frame}`);
  const frames: Uint8Array<ArrayBuffer>[][] = [[]];
  for (const [index, piece] of url.pieces.entries()) {
    let from = index === 0 ? header.length : 0;
    for (let comma = piece.indexOf(COMMA, from); comma !== -1; comma = piece.indexOf(COMMA, from)) {
      frames.at(-1)?.push(piece.slice(from, comma));
      frames.push([]);
      from = comma + 1;
    }
    frames.at(-1)?.push(piece.slice(from));
  }
  return frames.map(frameOf);
}

/** The first piece of a long text has the header, and some data. */
function frameOf(pieces: readonly Uint8Array<ArrayBuffer>[]): LongText {
  const [first = new Uint8Array(), ...others] = pieces;
  return new LongText([new Uint8Array(Buffer.concat([Buffer.from('data:image/jpeg;base64,'), first])), ...others]);
}
