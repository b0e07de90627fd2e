import { frameStamp } from '../api/index.ts';
import type { MediaReference, ParsedPart } from '../api/index.ts';
import type { VideoPerception } from '../backend/index.ts';
import type { MediaPart } from '../media/index.ts';

/** What a document or a video has become, as parts of its message; the images of a video in the way that the model sees them. */
export function openedParts(
  parts: readonly MediaPart[],
  { param, budget }: MediaReference,
  video: VideoPerception | undefined,
): ParsedPart[] {
  const positions = video?.times === 'positions' ? positionsOf(parts, video) : undefined;
  return parts.flatMap((part, index): ParsedPart[] => {
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
    const isTold = timeS === undefined || positions !== undefined;
    return isTold ? [image] : [{ type: 'text', text: frameStamp(timeS) }, image];
  });
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
