import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VserveError } from '../errors/index.ts';
import type { VideoOptions } from './decode-video.ts';
import { probeVideo, readFrames } from './ffmpeg.ts';
import type { VideoFacts } from './ffmpeg.ts';
import { frameCount } from './frame-count.ts';
import type { MediaPart } from './media-parts.ts';
import { identify } from './pixels.ts';
import type { DecodedImage } from './pixels.ts';
import type { VideoFormat } from './video-format.ts';

/** What Qwen-VL's processors give a frame at most: 768 patches of 28 by 28. */
const MAX_FRAME_PIXELS = 768 * 28 * 28;
/** The factor of most patch grids. */
const MULTIPLE = 2;

/** Frames of a video, by FFmpeg, in a process of its own, from a file that only this user can read. */
export async function decodeWithFfmpeg(
  file: Uint8Array,
  format: VideoFormat,
  options: VideoOptions,
): Promise<MediaPart[]> {
  const folder = await mkdtemp(join(tmpdir(), 'vserve-video-'));
  try {
    const input = {
      path: join(folder, 'video'),
      format,
      ffmpeg: options.settings.ffmpeg,
      maxPixels: options.maxPixels,
    };
    await writeFile(input.path, file, { mode: 0o600 });
    const facts = await probeVideo(input);
    const { startS, durationS } = span(facts, options);
    const size = frameSize(facts, options.maxPixels);
    const total = Math.max(1, Math.round(durationS * facts.framesPerSecond));
    const frames = frameCount(options.asked, { durationS, frames: total }, options.settings.maxVideoFrames);
    const halfFrameS = 0.5 / facts.framesPerSecond;
    // From the first frame to the last.
    const intervalS = frames === 1 ? durationS : Math.max(0, durationS - 2 * halfFrameS) / (frames - 1);
    if (options.sizeOnly) return sizesOf(frames, startS, intervalS, size);
    const bitmaps: DecodedImage[] = [];
    const onFrame = (rgb: Uint8Array<ArrayBuffer>): void => {
      options.reserve(size.width, size.height);
      bitmaps.push(identify({ ...size, rgb }));
      options.onProgress();
    };
    const times = await readFrames(input, { startS, durationS, frames, intervalS, halfFrameS, size }, onFrame);
    if (bitmaps.length === 0) throw new VserveError('undecodable', 'The video has no frame that can be decoded.');
    return bitmaps.map((bitmap, index) => ({ type: 'image', bitmap, timeS: startS + (times[index] ?? 0) }));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The part of the video that is asked for. Throws `invalid_request`, `decode_too_large`. */
function span(
  { durationS: lengthS }: VideoFacts,
  { asked, settings }: VideoOptions,
): { startS: number; durationS: number } {
  const { startS = 0, endS = Infinity } = asked;
  if (startS >= lengthS) {
    throw new VserveError(
      'invalid_request',
      `The video is ${lengthS} s long: there is nothing at ${startS} s (video_start).`,
    );
  }
  const durationS = Math.min(lengthS, endS) - startS;
  const { maxVideoSeconds } = settings;
  if (durationS <= maxVideoSeconds) return { startS, durationS };
  const message = `${Math.round(durationS)} s of the video are asked for; the limit of this server is ${maxVideoSeconds} s (--max-video-seconds). Choose a part with video_start and video_end.`;
  throw new VserveError('decode_too_large', message);
}

/** Throws `decode_too_large`. */
function frameSize({ width, height }: VideoFacts, maxPixels: number): { width: number; height: number } {
  if (width * height > maxPixels) {
    const message = `A video of ${width}x${height} pixels is too large: the limit of this server is ${maxPixels} pixels (--max-image-pixels). Scale it down.`;
    throw new VserveError('decode_too_large', message);
  }
  const scale = Math.min(1, Math.sqrt(MAX_FRAME_PIXELS / (width * height)));
  const scaled = (side: number): number => Math.max(MULTIPLE, Math.round((side * scale) / MULTIPLE) * MULTIPLE);
  return scale === 1 ? { width, height } : { width: scaled(width), height: scaled(height) };
}

function sizesOf(
  frames: number,
  startS: number,
  intervalS: number,
  size: { width: number; height: number },
): MediaPart[] {
  return Array.from({ length: frames }, (_, index) => {
    return { type: 'image', timeS: startS + index * intervalS, bitmap: { ...size, rgb: new Uint8Array(), id: '' } };
  });
}
