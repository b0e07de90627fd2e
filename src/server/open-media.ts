import { frameStamp, imageReferences, mediaReferences, requireCapabilities, withOpenedMedia } from '../api/index.ts';
import type { MediaReference, ParsedPart, ParsedRequest } from '../api/index.ts';
import type { LoadedModel } from '../backend/index.ts';
import { VserveError } from '../errors/index.ts';
import type { FollowStep, MediaPart, PartsAsk, ResolveImage } from '../media/index.ts';
import { fetchAll } from './fetch-all.ts';

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
  const opened = await fetchAll(references, signal, async (reference, until) => {
    const { url, param, budget } = reference;
    const parts = await resolve.open(url, askOf(reference), { param, budget, signal: until, follow });
    return [reference, parts.flatMap((part) => partsOf(part, reference))] as const;
  });
  const whole = withOpenedMedia(request, new Map(opened));
  requireRoom(whole, maxImagesPerRequest);
  // What a document is, is known only now.
  requireCapabilities(whole, model.info);
  return whole;
}

function askOf(reference: MediaReference): PartsAsk {
  if (reference.type === 'document') {
    const { pages, textLayer, isLowDetail } = reference;
    return { kind: 'document', pages, textLayer, isLowDetail };
  }
  const { framesPerSecond, frames, minFrames, maxFrames, startS, endS } = reference;
  return { kind: 'video', framesPerSecond, frames, minFrames, maxFrames, startS, endS };
}

function partsOf(part: MediaPart, { param, budget }: MediaReference): ParsedPart[] {
  if (part.type === 'text') return [part];
  const { bitmap, timeS } = part;
  const image: ParsedPart = { type: 'image', url: '', param, bitmap, ...(budget === undefined ? {} : { budget }) };
  return timeS === undefined ? [image] : [{ type: 'text', text: frameStamp(timeS) }, image];
}

/** Throws `too_many_images`: pages and frames are images, too. */
export function requireRoom(request: ParsedRequest, maxImages: number): void {
  const images = imageReferences(request);
  const extra = images[maxImages];
  if (extra === undefined) return;
  throw new VserveError(
    'too_many_images',
    `The request has ${String(images.length)} images; the limit of this server is ${String(maxImages)} (--limit-images-per-prompt).`,
    { param: extra.param },
  );
}
