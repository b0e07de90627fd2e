import { frameStamp } from '../api/index.ts';
import type { ParsedPart } from '../api/index.ts';
import type { ImageBudget, VideoPerception } from '../backend/index.ts';
import type { MediaPart } from '../media/index.ts';

/** Where a document or a video is in its request, and what is asked for each of its images. */
interface Origin {
  readonly param: string;
  readonly budget?: ImageBudget | undefined;
}

type ImagePart = Extract<MediaPart, { readonly type: 'image' }>;

/** What a document or a video has become, as parts of its message; the images of a video in the way that the model sees them. */
export function openedParts(
  parts: readonly MediaPart[],
  { param, budget }: Origin,
  video: VideoPerception | undefined,
): ParsedPart[] {
  const positions = video?.times === 'positions' ? positionsOf(parts, video) : undefined;
  const opened = parts.flatMap((part, index): ParsedPart[] => {
    if (part.type === 'text') return [part];
    const { bitmap, timeS } = part;
    const position = positions?.[index] ?? 0;
    const image: ParsedPart = {
      type: 'image',
      url: '',
      param,
      bitmap,
      ...(budget === undefined ? {} : { budget }),
      ...(timeS === undefined || position === 0 ? {} : { videoPosition: position }),
    };
    return timeS === undefined || positions !== undefined ? [image] : stamped(image, part, video);
  });
  const isVideo = parts.some((part) => part.type === 'image' && part.timeS !== undefined);
  return isVideo ? marked(opened, video?.marks) : opened;
}

/** An image with its time in words. */
function stamped(image: ParsedPart, { timeS = 0, firstS = timeS }: ImagePart, video?: VideoPerception): ParsedPart[] {
  if (video?.times === 'seconds') return [image, { type: 'text', text: String(Math.trunc(firstS)) }];
  return [{ type: 'text', text: frameStamp(timeS) }, image];
}

function marked(parts: readonly ParsedPart[], marks: VideoPerception['marks']): ParsedPart[] {
  if (marks === undefined) return [...parts];
  return [markOf(marks.before), ...parts, markOf(marks.after)];
}

function markOf(text: string): ParsedPart {
  return { type: 'text', text, isMark: true };
}

/** How far each part is behind the first, each farther than the one before. */
function positionsOf(parts: readonly MediaPart[], { positionsPerSecond }: VideoPerception): number[] {
  let last = -1;
  return parts.map((part, index) => {
    const seconds = timeOf(part) - timeOf(parts[0]);
    const position = positionsPerSecond === undefined ? index : Math.round(seconds * positionsPerSecond);
    last = Math.max(last + 1, position);
    return last;
  });
}

function timeOf(part: MediaPart | undefined): number {
  return part?.type === 'image' ? (part.timeS ?? 0) : 0;
}
