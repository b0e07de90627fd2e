import type { VideoAsk } from './media-parts.ts';

/** As the processors of Qwen-VL sample videos. */
const FRAMES_PER_SECOND = 2;
const MIN_FRAMES = 4;

export interface VideoLength {
  readonly durationS: number;
  /** Frames that there are, as far as that is known. */
  readonly frames: number;
}

/**
 * How many frames of a video to show: two per second unless the request says otherwise, at least four, at most as many as
 * there are and as the server allows. A number that is asked for is at most reduced to these.
 */
export function frameCount(asked: VideoAsk, { durationS, frames }: VideoLength, maxVideoFrames: number): number {
  const most = Math.max(1, Math.min(asked.maxFrames ?? maxVideoFrames, maxVideoFrames, frames));
  if (asked.frames !== undefined) return Math.min(asked.frames, most);
  const sampled = Math.floor(durationS * (asked.framesPerSecond ?? FRAMES_PER_SECOND));
  return Math.min(Math.max(sampled, asked.minFrames ?? MIN_FRAMES, 1), most);
}

/** The indices of `count` frames spread evenly over `frames`, the first and the last among them. */
export function spreadEvenly(count: number, frames: number): number[] {
  if (count === 1) return [0];
  return Array.from({ length: count }, (_, index) => Math.round((index * (frames - 1)) / (count - 1)));
}
