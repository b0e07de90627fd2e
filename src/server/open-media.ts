import { countableImages, mediaReferences, requireCapabilities, withOpenedMedia } from '../api/index.ts';
import type { FrameListReference, FrameSampling, MediaReference, ParsedPart, ParsedRequest } from '../api/index.ts';
import type { ImageDetail, LoadedModel, VideoPerception } from '../backend/index.ts';
import { VserveError } from '../errors/index.ts';
import type { FollowStep, PartsAsk, ResolveImage } from '../media/index.ts';
import { fetchAll } from './fetch-all.ts';
import { openFrames } from './frame-lists.ts';
import { openedParts } from './video-parts.ts';

export interface OpenMediaOptions {
  readonly model: Pick<LoadedModel, 'info'>;
  readonly resolve: ResolveImage;
  readonly maxImagesPerRequest: number;
  readonly signal: AbortSignal;
  /** Told of each step on the way of each. */
  readonly follow?: FollowStep | undefined;
}

/**
 * Opens the documents and videos of a request: their pages and frames take their place. A request without any stays as it
 * is. Throws what `ResolveImage.open` throws, `too_many_images` and `unsupported_capability`.
 */
export async function openMedia<Request extends ParsedRequest>(
  request: Request,
  { model, resolve, maxImagesPerRequest, signal, follow }: OpenMediaOptions,
): Promise<Request> {
  const references = mediaReferences(request);
  if (references.length === 0) return request;
  const open = async (reference: MediaReference, until: AbortSignal): Promise<readonly ParsedPart[]> => {
    if (reference.type === 'frames') {
      return openFrames(reference, { info: model.info, resolve, signal: until, follow });
    }
    const { url, param, budget } = reference;
    const { video } = model.info;
    const asked = askOf(reference, request.videoSampling, video);
    return openedParts(await resolve.open(url, asked, { param, budget, signal: until, follow }), reference, video);
  };
  const opened = await fetchAll(
    references,
    signal,
    async (reference, until) => [reference, await open(reference, until)] as const,
  );
  const whole = withOpenedMedia(request, new Map(opened));
  requireRoom(whole, maxImagesPerRequest);
  // What a document is, is known only now.
  requireCapabilities(whole, model.info);
  return whole;
}

/** What a part itself says of its frames goes before what the request says of all. */
function askOf(
  reference: Exclude<MediaReference, FrameListReference>,
  sampling: FrameSampling | undefined,
  video: VideoPerception | undefined,
): PartsAsk {
  if (reference.type === 'document') {
    const { pages, textLayer, budget: { detail, maxPixels } = {} } = reference;
    return { kind: 'document', pages, textLayer, detail: detailOfPages(detail), maxPixels };
  }
  const { framesPerSecond, frames, minFrames, maxFrames, startS, endS } = reference;
  const isCounted = [framesPerSecond, frames, minFrames, maxFrames].some((value) => value !== undefined);
  const counts = isCounted ? { framesPerSecond, frames, minFrames, maxFrames } : sampling;
  return { kind: 'video', ...counts, startS, endS, framesPerImage: video?.framesPerImage };
}

function detailOfPages(detail: ImageDetail | undefined): 'low' | 'high' | undefined {
  return detail === 'original' ? 'high' : detail === 'auto' ? undefined : detail;
}

/** Throws `too_many_images`: pages and frames are images, too. */
export function requireRoom(request: ParsedRequest, maxImages: number): void {
  const images = countableImages(request);
  const extra = images[maxImages];
  if (extra === undefined) return;
  throw new VserveError(
    'too_many_images',
    `The request has ${String(images.length)} images; the limit of this server is ${String(maxImages)} (--limit-images-per-prompt).`,
    { param: extra.param },
  );
}
