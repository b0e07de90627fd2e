import { VserveError } from '../../errors/index.ts';
import { startOfText } from './image-url.ts';
import { LongText } from './long-text.ts';

const COMMA = 0x2c;
/** More than any model is shown: a URI of commas would be millions of frames. */
const MAX_FRAMES = 2048;
const HEADER = /^\s*data:video\/jpeg;base64,/i;

/**
 * The frames of vLLM's `data:video/jpeg;base64,FRAME,FRAME,…`, as a data URI each; undefined for any other URL. Nothing
 * but the commas is looked at. Throws `too_many_images`, at `param`.
 */
export function framesInUri(url: string | LongText, param: string): (string | LongText)[] | undefined {
  const header = HEADER.exec(startOfText(url))?.[0];
  if (header === undefined) return undefined;
  if (typeof url === 'string') {
    const frames = url.slice(header.length).split(',', MAX_FRAMES + 1);
    if (frames.length > MAX_FRAMES) throw tooMany(param);
    return frames.map((frame) => `data:image/jpeg;base64,${frame}`);
  }
  const frames: Uint8Array<ArrayBuffer>[][] = [[]];
  for (const [index, piece] of url.pieces.entries()) {
    let from = index === 0 ? header.length : 0;
    for (let comma = piece.indexOf(COMMA, from); comma !== -1; comma = piece.indexOf(COMMA, from)) {
      if (frames.length === MAX_FRAMES) throw tooMany(param);
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

function tooMany(param: string): VserveError {
  const message = `${param} has more than ${String(MAX_FRAMES)} frames, the most that one URI may have. Send fewer.`;
  return new VserveError('too_many_images', message, { param });
}
