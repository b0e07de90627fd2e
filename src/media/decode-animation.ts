import sharp from 'sharp';
import { VserveError } from '../errors/index.ts';
import { readApng } from './apng-frames.ts';
import { decodeApng } from './decode-apng.ts';
import { decodeImage } from './decode-image.ts';
import { flattenOnWhite } from './flatten.ts';
import { frameCount, spreadEvenly } from './frame-count.ts';
import { imageFormatOf, isAnimatedPng } from './image-format.ts';
import { imageSizeOf } from './image-size.ts';
import type { MediaPart } from './media-parts.ts';
import { copyAndIdentify, identify } from './pixels.ts';
import type { DecodedImage } from './pixels.ts';
import type { VideoOptions } from './decode-video.ts';

/** What browsers show a frame for that states less than two hundredths of a second. */
const DEFAULT_DELAY_MS = 100;
const MIN_DELAY_MS = 20;
const TIMEOUT_S = 20;

/**
 * Frames of an animated GIF, WEBP or PNG, as pictures on white, with their times. A still image is one frame. Throws
 * `undecodable`, or what `reserve` throws.
 */
export async function decodeAnimation(file: Uint8Array, options: VideoOptions): Promise<MediaPart[]> {
  if (isAnimatedPng(file)) return animatedPng(file, options);
  const format = imageFormatOf(file);
  if (format !== 'gif' && format !== 'webp') return [await still(file, options)];
  const {
    pages = 1,
    pageHeight,
    width,
    height,
    delay = [],
  } = await sharp(file, { limitInputPixels: false }).metadata();
  if (pages === 1) return [await still(file, options)];
  const delays = Array.from({ length: pages }, (_, page) => delayOf(delay[page]));
  const shown = chosen(delays, options);
  const size = { width, height: pageHeight ?? height };
  if (options.sizeOnly) return withoutPixels(shown, size);
  // Each frame builds on those before it: all up to the last are decoded at once, in four channels.
  const last = (shown.at(-1)?.index ?? 0) + 1;
  options.reserve(size.width, size.height * last, 4);
  return decodeFrames(file, last, shown, options);
}

/** libvips sees the first frame of those only. */
async function animatedPng(file: Uint8Array, options: VideoOptions): Promise<MediaPart[]> {
  const animation = readApng(file);
  const { width, height, frames } = animation;
  if (frames.length === 0) throw new Error('it has no frames');
  const shown = chosen(
    frames.map(({ delayMs }) => delayOf(delayMs)),
    options,
  );
  if (options.sizeOnly) return withoutPixels(shown, { width, height });
  const count = (shown.at(-1)?.index ?? 0) + 1;
  options.reserve(width, height * count, 4);
  const parts: MediaPart[] = [];
  let index = 0;
  for await (const canvas of decodeApng(animation, count)) {
    const frame = shown.find((each) => each.index === index);
    index += 1;
    if (frame === undefined) continue;
    parts.push({ type: 'image', timeS: frame.timeS, bitmap: frameOf(canvas, width, height, 4) });
    options.onProgress();
  }
  return parts;
}

function withoutPixels(shown: readonly ShownFrame[], size: { width: number; height: number }): MediaPart[] {
  return shown.map(({ timeS }) => ({ type: 'image', timeS, bitmap: { ...size, rgb: new Uint8Array(), id: '' } }));
}

interface ShownFrame {
  readonly index: number;
  readonly timeS: number;
}

async function still(file: Uint8Array, { reserve, sizeOnly }: VideoOptions): Promise<MediaPart> {
  const bitmap = sizeOnly ? await imageSizeOf(file, reserve) : await decodeImage(file, reserve);
  return { type: 'image', timeS: 0, bitmap };
}

function delayOf(delayMs = 0): number {
  return delayMs < MIN_DELAY_MS ? DEFAULT_DELAY_MS : delayMs;
}

/** The frames to show, spread evenly in time. */
function chosen(delaysMs: readonly number[], { asked, settings }: VideoOptions): ShownFrame[] {
  let atMs = 0;
  const frames = delaysMs.map((delayMs, index): ShownFrame => {
    const frame = { index, timeS: atMs / 1000 };
    atMs += delayMs;
    return frame;
  });
  const { startS = 0, endS = Infinity } = asked;
  const within = frames.filter(({ timeS }) => timeS >= startS && timeS < endS);
  if (within.length === 0) {
    throw new VserveError(
      'invalid_request',
      `The video is ${atMs / 1000} s long: there is nothing at ${startS} s (video_start).`,
    );
  }
  const durationS = Math.min(atMs / 1000, endS) - startS;
  const count = frameCount(asked, { durationS, frames: within.length }, settings.maxVideoFrames);
  return spreadEvenly(count, within.length).flatMap((index) => within[index] ?? []);
}

async function decodeFrames(
  file: Uint8Array,
  pages: number,
  shown: readonly ShownFrame[],
  { onProgress }: VideoOptions,
): Promise<MediaPart[]> {
  const { data, info } = await sharp(file, { pages, failOn: 'error', limitInputPixels: false })
    .timeout({ seconds: TIMEOUT_S })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const height = info.height / pages;
  const frameBytes = info.width * height * info.channels;
  return shown.map(({ index, timeS }): MediaPart => {
    const pixels = data.subarray(index * frameBytes, (index + 1) * frameBytes);
    onProgress();
    return { type: 'image', timeS, bitmap: frameOf(pixels, info.width, height, info.channels) };
  });
}

function frameOf(pixels: Uint8Array, width: number, height: number, channels: number): DecodedImage {
  if (pixels.length !== width * height * channels) throw new Error('it ends in the middle of a frame');
  if (channels === 4) return identify({ width, height, rgb: flattenOnWhite(pixels) });
  if (channels === 3) return copyAndIdentify(width, height, pixels);
  throw new Error(`its frames have ${channels} channels`);
}
