import { createHash } from 'node:crypto';
import type { Bitmap } from '../backend/index.ts';
import type { MediaPart } from './media-parts.ts';

type Frame = Extract<MediaPart, { readonly type: 'image' }>;

/**
 * Frames of a video, so many to an image, in the middle of their times. What is left at the end stays alone: a model sees a
 * picture as frames that are all the same.
 */
export function mergeFrames(frames: readonly MediaPart[], framesPerImage: number): MediaPart[] {
  const merged: MediaPart[] = [];
  for (let at = 0; at < frames.length; at += framesPerImage) {
    const group = frames.slice(at, at + framesPerImage).filter((part) => part.type === 'image');
    if (group.length === framesPerImage) merged.push(imageOf(group));
    else merged.push(...group);
  }
  return merged;
}

function imageOf(frames: readonly Frame[]): MediaPart {
  const times = frames.flatMap(({ timeS }) => timeS ?? []);
  const [firstS = 0] = times;
  const timeS = (firstS + (times.at(-1) ?? 0)) / 2;
  return {
    type: 'image',
    bitmap: bitmapOf(frames.map(({ bitmap }) => bitmap)),
    ...(times.length === 0 ? {} : { timeS, firstS }),
  };
}

/** Of frames of the same size. */
function bitmapOf(frames: readonly Bitmap[]): Bitmap {
  const [{ width, height } = { width: 0, height: 0 }] = frames;
  const rgb = new Uint8Array(frames.reduce((bytes, frame) => bytes + frame.rgb.length, 0));
  let at = 0;
  for (const frame of frames) {
    rgb.set(frame.rgb, at);
    at += frame.rgb.length;
  }
  const id = createHash('sha256')
    .update(frames.map((frame) => frame.id).join(' '))
    .digest('hex');
  return { width, height, rgb, frames: frames.length, id };
}
