import { randomFillSync } from 'node:crypto';
import sharp from 'sharp';
import type { Picture } from './chat.ts';

const words =
  'about again below black blue bridge child cloud count draw every field green hill house left many near number over paint people picture red right river round say see small star street tall tell thing three tree under water white wind window yellow'.split(
    ' ',
  );

/** `count` random words: a text that no server has seen. */
export function randomText(count: number): string {
  const [...choices] = randomFillSync(new Uint8Array(count));
  return choices.map((choice) => words[choice % words.length]).join(' ');
}

/**
 * A square PNG of random pixels, `size` on a side, as a data URI: one that no server has seen. At the encoder's own
 * size, no server resizes it.
 */
export async function randomPicture(size: number): Promise<Picture> {
  const rgb = randomFillSync(new Uint8Array(size * size * 3));
  const png = await sharp(rgb, { raw: { width: size, height: size, channels: 3 } })
    .png({ compressionLevel: 1 })
    .toBuffer();
  return { url: `data:image/png;base64,${png.toString('base64')}` };
}

/** A PNG of 1280 by 800 pixels in coloured blocks, as a data URI of 235 kB: what a screenshot full of text has. */
export async function randomScreenshot(): Promise<Picture> {
  const rgb = randomFillSync(new Uint8Array(256 * 160 * 3));
  const png = await sharp(rgb, { raw: { width: 256, height: 160, channels: 3 } })
    .resize(1280, 800, { kernel: 'nearest' })
    .png()
    .toBuffer();
  return { url: `data:image/png;base64,${png.toString('base64')}` };
}
