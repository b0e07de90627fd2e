import type { BoxFamily } from './conventions.ts';
import { readBoxes } from './read-boxes.ts';
import type { Box, PictureSizes } from './to-picture.ts';
import { toPicture } from './to-picture.ts';

/** Told apart by most people, on light and dark. */
const COLOURS = ['#e6194b', '#3cb44b', '#4363d8', '#f58231', '#911eb4', '#008080', '#9a6324', '#808000'] as const;

/** Longer sides cannot be drawn on. */
const MAX_SIDE = 32_767;

/** Pixels as they are shown: upright, R G B. */
export interface RawPicture {
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8Array;
}

/**
 * Draws boxes on a picture, with their labels. Returns a PNG. sharp is loaded when it is needed. Throws a `RangeError` for a
 * side of more than 32,767 pixels.
 */
export async function drawBoxes({ width, height, rgb }: RawPicture, boxes: readonly Box[]): Promise<Buffer> {
  if (Math.max(width, height) > MAX_SIDE) {
    throw new RangeError(`The picture is too long to be drawn on: ${String(width)}x${String(height)} pixels.`);
  }
  const { default: sharp } = await import('sharp');
  // Where pictures of strangers are decoded, all formats but theirs are off.
  sharp.unblock({ operation: ['VipsForeignLoadSvgBuffer'] });
  const overlay = Buffer.from(overlaySvg(boxes, { width, height }));
  return sharp(rgb, { raw: { width, height, channels: 3 }, limitInputPixels: false })
    .composite([{ input: overlay, top: 0, left: 0, limitInputPixels: false }])
    .png()
    .toBuffer();
}

/**
 * Draws the boxes of an answer on the picture that was asked about, as `drawBoxes` does. `seen`: the size that the model saw,
 * for families that write its pixels. Throws a `RangeError` where that is missing, and what `drawBoxes` throws.
 */
export async function drawAnswer(
  picture: RawPicture,
  answer: string,
  family: BoxFamily,
  seen?: PictureSizes['seen'],
): Promise<{ readonly png: Buffer; readonly boxes: readonly Box[] }> {
  const boxes = readBoxes(answer).map((box) => toPicture(box, family, { sent: picture, seen }));
  return { png: await drawBoxes(picture, boxes), boxes };
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** The boxes as an SVG of the picture's size. */
export function overlaySvg(boxes: readonly Box[], { width, height }: Size): string {
  const stroke = Math.max(1, Math.round(Math.max(width, height) / 400));
  const fontSize = Math.max(10, stroke * 7);
  const shapes = boxes.map((box, index) => shapeOf(box, COLOURS[index % COLOURS.length] ?? '#000', stroke, fontSize));
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${String(width)}" height="${String(height)}">${shapes.join('')}</svg>`;
}

function shapeOf({ left, top, right, bottom, label }: Box, colour: string, stroke: number, fontSize: number): string {
  const rectangle = `<rect x="${fixed(left)}" y="${fixed(top)}" width="${fixed(right - left)}" height="${fixed(bottom - top)}" fill="none" stroke="${colour}" stroke-width="${String(stroke)}"/>`;
  if (label === '') return rectangle;
  // Above the box, or within it where there is no room.
  const baseline = top >= fontSize * 1.2 ? top - stroke * 2 : top + fontSize;
  const text = `<text x="${fixed(left + stroke)}" y="${fixed(baseline)}" font-family="sans-serif" font-size="${String(fontSize)}" fill="${colour}" stroke="#fff" stroke-width="${fixed(fontSize / 5)}" paint-order="stroke">${escaped(label)}</text>`;
  return rectangle + text;
}

function fixed(value: number): string {
  return value.toFixed(1);
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => ESCAPES[character] ?? '').replace(/[^\P{C}]/gu, ' ');
}
