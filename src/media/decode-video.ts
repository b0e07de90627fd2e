import { messageOf, VserveError } from '../errors/index.ts';
import { imageFormatOf, isImageSequence } from './image-format.ts';
import type { MediaPart, PartsSettings, VideoAsk } from './media-parts.ts';
import { mergeFrames } from './merge-frames.ts';
import type { Reserve } from './pixels.ts';
import { SUPPORTED_VIDEOS, videoFormatOf } from './video-format.ts';

export interface VideoOptions {
  readonly asked: VideoAsk;
  readonly settings: PartsSettings;
  readonly reserve: Reserve;
  readonly maxPixels: number;
  /** Sizes alone: the bitmaps have no pixels. */
  readonly sizeOnly: boolean;
  /** Called after each frame. */
  readonly onProgress: () => void;
}

/**
 * Frames of a video, each with its time: of an animated GIF, WEBP or PNG by libvips, of anything else by FFmpeg, where it is
 * installed. Throws `undecodable`, `invalid_request`, `decode_too_large`, `unsupported_capability` without FFmpeg, or what
 * `reserve` throws.
 */
export async function decodeVideo(file: Uint8Array, options: VideoOptions): Promise<MediaPart[]> {
  const { framesPerImage = 1 } = options.asked;
  const frames = await decodeFrames(file, options);
  return framesPerImage === 1 ? frames : mergeFrames(frames, framesPerImage);
}

async function decodeFrames(file: Uint8Array, options: VideoOptions): Promise<MediaPart[]> {
  if (file.length === 0) throw new VserveError('undecodable', 'The video is empty (0 bytes).');
  const isPicture = imageFormatOf(file) !== undefined && !isImageSequence(file);
  const format = videoFormatOf(file);
  try {
    if (isPicture) return await (await import('./decode-animation.ts')).decodeAnimation(file, options);
    if (format !== undefined) return await (await import('./ffmpeg-frames.ts')).decodeWithFfmpeg(file, format, options);
  } catch (error) {
    if (error instanceof VserveError) throw error;
    throw new VserveError('undecodable', `The video cannot be decoded: ${lastLine(error)}.`, { cause: error });
  }
  const message = `The data is not a video in a supported format: ${SUPPORTED_VIDEOS}, or an animated GIF, WEBP or PNG.`;
  throw new VserveError('undecodable', message);
}

function lastLine(error: unknown): string {
  return (messageOf(error).trim().split('\n').at(-1) ?? '').replaceAll(/0x[0-9a-f]{6,}/gi, '…').slice(0, 200);
}
