import { z } from 'zod';
import type { FrameSampling } from '../parsed-request.ts';
import type { NamesOf } from './field-table.ts';
import type { PlainKind } from './kinds.ts';
import { numberAbove } from './kinds.ts';
import type { SettingsRead } from './read-fields.ts';

/** More than any video has. */
const MAX_FRAMES = 100_000;
const MAX_FRAMES_PER_SECOND = 120;

/** -1 means all, as in vLLM. */
const FRAMES: PlainKind<number> = {
  expected: `an integer from 1 to ${String(MAX_FRAMES)}, or -1 for all frames`,
  schema: z
    .union([z.literal(-1), z.int().min(1).max(MAX_FRAMES)])
    .transform((frames) => (frames === -1 ? MAX_FRAMES : frames)),
};

export const VIDEO_KINDS = {
  videoFrames: FRAMES,
  videoRate: numberAbove({ min: 0, max: MAX_FRAMES_PER_SECOND }),
};

/** Of vLLM. */
export const VIDEO_NAMES: NamesOf<typeof VIDEO_KINDS> = {
  videoFrames: ['media_io_kwargs.video.num_frames'],
  videoRate: ['media_io_kwargs.video.fps'],
};

/** How the videos of a request are sampled that do not say it themselves. As in vLLM, the rate goes before the number. */
export function toVideoSampling({ values }: SettingsRead<typeof VIDEO_KINDS>): FrameSampling | undefined {
  const { videoFrames: frames, videoRate: framesPerSecond } = values;
  if (framesPerSecond === undefined) return frames === undefined ? undefined : { frames };
  return { framesPerSecond, ...(frames === undefined ? {} : { maxFrames: frames }) };
}
