import sharp from 'sharp';
import type { Apng, ApngFrame } from './apng-frames.ts';

const CHANNELS = 4;
const OPAQUE = 255;

/**
 * The canvas of an animated PNG as each of its first `count` frames leaves it, R G B A; the memory is the next one's, too.
 * Throws for a frame that cannot be decoded.
 */
export async function* decodeApng({ width, height, frames, pngOf }: Apng, count: number): AsyncGenerator<Uint8Array> {
  const canvas = new Uint8Array(width * height * CHANNELS);
  for (const [index, frame] of frames.slice(0, count).entries()) {
    // There is nothing before the first.
    const disposal = index === 0 && frame.disposal === 'previous' ? 'background' : frame.disposal;
    const before = disposal === 'previous' ? canvas.slice() : undefined;
    const pixels = await sharp(pngOf(frame), { failOn: 'error', limitInputPixels: false })
      .toColourspace('srgb')
      .ensureAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer();
    if (pixels.length !== frame.width * frame.height * CHANNELS) throw new Error('a frame has another size');
    draw(pixels, frame, canvas, width);
    yield canvas;
    if (before !== undefined) canvas.set(before);
    else if (disposal === 'background') clear(frame, canvas, width);
  }
}

function draw(pixels: Uint8Array, frame: ApngFrame, canvas: Uint8Array, width: number): void {
  const rowBytes = frame.width * CHANNELS;
  for (let y = 0; y < frame.height; y += 1) {
    const row = pixels.subarray(y * rowBytes, (y + 1) * rowBytes);
    const at = ((frame.top + y) * width + frame.left) * CHANNELS;
    if (frame.isOver) drawOver(row, canvas.subarray(at, at + rowBytes));
    else canvas.set(row, at);
  }
}

/** Of colours that are not multiplied by their alpha. */
function drawOver(row: Uint8Array, below: Uint8Array): void {
  for (let at = 0; at < row.length; at += CHANNELS) {
    const alpha = row[at + 3] ?? 0;
    if (alpha === 0) continue;
    const alphaBelow = (below[at + 3] ?? 0) * (1 - alpha / OPAQUE);
    const sum = alpha + alphaBelow;
    for (let channel = at; channel < at + 3; channel += 1) {
      below[channel] = Math.round(((row[channel] ?? 0) * alpha + (below[channel] ?? 0) * alphaBelow) / sum);
    }
    below[at + 3] = Math.round(sum);
  }
}

function clear(frame: ApngFrame, canvas: Uint8Array, width: number): void {
  for (let y = frame.top; y < frame.top + frame.height; y += 1) {
    const at = (y * width + frame.left) * CHANNELS;
    canvas.fill(0, at, at + frame.width * CHANNELS);
  }
}
