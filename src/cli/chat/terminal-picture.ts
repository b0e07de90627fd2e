import sharp from 'sharp';
import { image2sixel } from 'sixel';
import supportsTerminalGraphics from 'supports-terminal-graphics';

/** Large enough to be recognized, small enough to leave the conversation in view. In pixels. */
const MAX_WIDTH = 480;
const MAX_HEIGHT = 240;
/** The most base64 in one command of kitty's protocol. */
const KITTY_CHUNK = 4096;

type Protocol = 'kitty' | 'iterm2' | 'sixel';

/** A picture as what shows it in this terminal; undefined if the terminal shows none, or the picture cannot be read. */
export async function terminalPicture(bytes: Uint8Array): Promise<string | undefined> {
  const { kitty, iterm2, sixel } = supportsTerminalGraphics.stdout;
  const protocol = kitty ? 'kitty' : iterm2 ? 'iterm2' : sixel ? 'sixel' : undefined;
  return protocol === undefined ? undefined : encodePicture(bytes, protocol).catch(() => undefined);
}

/** A picture in a terminal's protocol for images. Throws if it cannot be read. */
export async function encodePicture(bytes: Uint8Array, protocol: Protocol): Promise<string> {
  const small = sharp(bytes)
    .rotate()
    .resize({ width: MAX_WIDTH, height: MAX_HEIGHT, fit: 'inside', withoutEnlargement: true });
  if (protocol === 'sixel') {
    const { data, info } = await small.ensureAlpha().raw().toBuffer({ resolveWithObject: true });
    return image2sixel(new Uint8Array(data), info.width, info.height, 256, 1);
  }
  const png = await small.png().toBuffer();
  return protocol === 'kitty' ? inKitty(png) : inITerm2(png);
}

/** https://sw.kovidgoyal.net/kitty/graphics-protocol: PNG (f=100), transmitted and shown at once (a=T). */
function inKitty(png: Buffer): string {
  const chunks = png.toString('base64').match(new RegExp(`.{1,${KITTY_CHUNK}}`, 'g')) ?? [];
  return chunks
    .map((chunk, i) => {
      const more = i < chunks.length - 1 ? 1 : 0;
      return `\u001B_G${i === 0 ? 'a=T,f=100,q=2,' : ''}m=${more};${chunk}\u001B\\`;
    })
    .join('');
}

/** https://iterm2.com/documentation-images.html */
function inITerm2(png: Buffer): string {
  return `\u001B]1337;File=inline=1;size=${png.length};preserveAspectRatio=1:${png.toString('base64')}\u0007`;
}
