import { frameStamp } from '../api/index.ts';
import type { FrameListReference, ParsedPart } from '../api/index.ts';
import type { Bitmap, ModelInfo, VideoPerception } from '../backend/index.ts';
import { VserveError } from '../errors/index.ts';
import { mergeFrames } from '../media/index.ts';
import type { FollowStep, MediaPart, ResolveImage } from '../media/index.ts';
import { fetchAll } from './fetch-all.ts';
import { openedParts } from './video-parts.ts';

/** The rate of a list that tells none, as Qwen's and GLM's processors take it. */
const DEFAULT_FRAMES_PER_SECOND = 2;
/** Of a frame, as Qwen-VL's processor has it. */
const MAX_FRAME_PIXELS = 768 * 28 * 28;

export interface OpenFramesOptions {
  readonly info: Pick<ModelInfo, 'video' | 'capabilities'>;
  readonly resolve: ResolveImage;
  readonly signal: AbortSignal;
  readonly follow?: FollowStep | undefined;
}

/**
 * The frames of a list, in the way that the model sees videos. One that sees pictures gets them as they are, not fetched yet,
 * each behind its time if that is told. Throws what `ResolveImage` throws, and `invalid_request` for frames of several sizes.
 */
export async function openFrames(
  reference: FrameListReference,
  { info, resolve, signal, follow }: OpenFramesOptions,
): Promise<readonly ParsedPart[]> {
  const { video } = info;
  if (video === undefined) return asPictures(reference);
  const bitmaps = await fetchAll(reference.frames, signal, ({ url, param }, until) =>
    resolve(url, { param, signal: until, follow, needsPixels: true }),
  );
  requireOneSize(bitmaps, reference);
  const { param } = reference;
  const budget = info.capabilities.imageBudgets === true ? { maxPixels: MAX_FRAME_PIXELS, param } : undefined;
  return openedParts(inGroups(bitmaps, reference, video), { param, budget }, video);
}

function asPictures({ frames, framesPerSecond: rate }: FrameListReference): ParsedPart[] {
  return frames.flatMap((frame, index): ParsedPart[] =>
    rate === undefined ? [frame] : [{ type: 'text', text: frameStamp(index / rate) }, frame],
  );
}

function inGroups(
  bitmaps: readonly Bitmap[],
  { framesPerSecond: rate = DEFAULT_FRAMES_PER_SECOND }: FrameListReference,
  { framesPerImage }: VideoPerception,
): readonly MediaPart[] {
  const frames = bitmaps.map((bitmap, index) => ({ type: 'image' as const, bitmap, timeS: index / rate }));
  return framesPerImage === 1 ? frames : mergeFrames(frames, framesPerImage);
}

function requireOneSize(bitmaps: readonly Bitmap[], { frames }: FrameListReference): void {
  const [first] = bitmaps;
  const other = bitmaps.findIndex(({ width, height }) => width !== first?.width || height !== first.height);
  if (first === undefined || other === -1) return;
  const param = frames[other]?.param ?? '';
  throw new VserveError(
    'invalid_request',
    `${param} has ${sizeOf(bitmaps[other])} pixels, the first frame ${sizeOf(first)}: all frames of a video have one size. Send pictures of several sizes as image_url parts.`,
    { param },
  );
}

function sizeOf(bitmap: Bitmap | undefined): string {
  return `${String(bitmap?.width)}x${String(bitmap?.height)}`;
}
