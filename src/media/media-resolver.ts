import type { Bitmap, ImageBudget } from '../backend/index.ts';
import { VserveError } from '../errors/index.ts';
import { Decoder } from './decoder.ts';
import type { DecodeOptions, TakeCpu } from './decoder.ts';
import { readFileUri } from './file-source.ts';
import { freeMemory } from './free-memory.ts';
import { KnownImages } from './known-images.ts';
import type { KnownImage } from './known-images.ts';
import { KnownParts } from './known-parts.ts';
import { HttpSource } from './http-source.ts';
import type { HttpSourceOptions } from './http-source.ts';
import { encodedBytes } from './image-sample.ts';
import { describeSource, isStored, startOf, withoutSpaceAround } from './image-source.ts';
import type { EncodedImage, ImageSource, UrlSource } from './image-source.ts';
import { followed } from './image-steps.ts';
import type { FollowStep, ImageOrigin, ImageStepEnd } from './image-steps.ts';
import { MediaBudget } from './media-budget.ts';
import type { MediaPart, PartsAsk } from './media-parts.ts';
import type { MediaSettings } from './media-settings.ts';
import { Semaphore } from './semaphore.ts';
import { readKeptDataUri, readStored } from './stored-source.ts';

/** Concurrent reads of files and URLs. */
const MAX_FETCHES = 64;
const MAX_FETCHES_PER_REQUEST = 8;
const DECODE_TIMEOUT_MS = 30_000;
/** Sources whose image is remembered, without its pixels. */
const MAX_KNOWN = 4096;
/** The same of documents and videos, with their texts. */
const MAX_KNOWN_FILES = 64;

export interface ResolveOptions {
  /** Names the image in an error, as `messages[2].content[1]`. */
  readonly param: string;
  readonly signal: AbortSignal;
  /** What the request asks for the image, for `FindEncoded`. */
  readonly budget?: ImageBudget | undefined;
  /** Told of each step on the image's way. */
  readonly follow?: FollowStep | undefined;
  /** Nothing may stand for the image's pixels. */
  readonly needsPixels?: boolean | undefined;
}

/**
 * Turns a reference to an image (`http:`, `https:`, `data:` or `file:`, or a stored file) into its pixels, or what stands for
 * them. The memory of a URL in pieces is gone afterwards. Throws the signal's reason, or a `VserveError` with `param`, and with the source in `detail` for the
 * log.
 */
export interface ResolveImage {
  (source: ImageSource, options: ResolveOptions): Promise<Bitmap>;
  /**
   * Opens a document or a video, within the same budget and deadline: the parts that it becomes, in order. Throws what
   * images throw, and `invalid_request` for pages and times that it does not have.
   */
  readonly open: (source: ImageSource, asked: PartsAsk, options: ResolveOptions) => Promise<readonly MediaPart[]>;
}

/** The backend's encoded form of an image, if it has it: see `LoadedModel.encodedImage`. */
export type FindEncoded = (image: KnownImage, budget: ImageBudget | undefined) => object | undefined;

/** An image that was resolved. */
export interface ResolvedImage {
  readonly source: ImageOrigin;
  /** From the reference to the pixels. */
  readonly resolveMs: number;
}

export interface MediaResolver {
  /**
   * A resolver for the images of one request, which share a budget of bytes, and a deadline that starts now. An image that
   * came before and that `findEncoded` finds is not decoded. With `keepsFiles`, images are given as their own files, where
   * `plainFileOf` has one.
   */
  forRequest(findEncoded?: FindEncoded, keepsFiles?: boolean): ResolveImage;
  /**
   * The same for requests that need no more than the sizes of their images: the bitmaps have no pixels, and the sources stay
   * as they are.
   */
  sizesForRequest(): ResolveImage;
  /** Imports what the first image behind a URL would wait for. */
  warmUp(): Promise<void>;
  /** Ends the decoding threads. */
  close(): Promise<void>;
}

interface DecodeLimits {
  readonly budget: MediaBudget;
  /** Of the image's size in front of the model. */
  readonly asked: ImageBudget | undefined;
  readonly needsPixels: boolean;
  readonly signal: AbortSignal;
}

export interface MediaResolverOptions extends Pick<HttpSourceOptions, 'lookup' | 'timeouts'> {
  readonly onResolved?: ((image: ResolvedImage) => void) | undefined;
  readonly decodeTimeoutMs?: number | undefined;
  /** Called when decoding of an image starts; the returned function, when it ends. */
  readonly takeCpu?: TakeCpu | undefined;
}

/** Makes a resolver. Throws `invalid_setting`. */
export function createMediaResolver(
  settings: MediaSettings,
  { onResolved, takeCpu, decodeTimeoutMs: timeoutMs = DECODE_TIMEOUT_MS, ...http }: MediaResolverOptions = {},
): MediaResolver {
  const httpSource = new HttpSource({ ...settings, ...http });
  const decoder = new Decoder({ timeoutMs, takeCpu });
  const allFetches = new Semaphore(MAX_FETCHES);
  const known = new KnownImages(MAX_KNOWN);
  const knownParts = new KnownParts(MAX_KNOWN_FILES);
  const { maxMediaBytes, maxImagePixels: maxPixels, mediaTimeoutS } = settings;
  const { maxDocumentPages, documentPageSide, maxVideoFrames, maxVideoSeconds, ffmpeg } = settings;
  const partsSettings = { maxDocumentPages, documentPageSide, maxVideoFrames, maxVideoSeconds, ffmpeg };

  type ToBitmap = (image: EncodedImage, limits: DecodeLimits) => Promise<Bitmap>;
  type ToParts = (
    file: EncodedImage,
    asked: PartsAsk,
    limits: DecodeOptions,
    imageBudget: ImageBudget | undefined,
  ) => Promise<readonly MediaPart[]>;

  function resolverFor(toBitmap: ToBitmap, toParts: ToParts): ResolveImage {
    const budget = new MediaBudget(maxMediaBytes);
    const ownFetches = new Semaphore(MAX_FETCHES_PER_REQUEST);
    const deadline = AbortSignal.timeout(mediaTimeoutS * 1000);

    function read(kind: ImageOrigin, source: ImageSource, signal: AbortSignal): Promise<EncodedImage> {
      if (isStored(source)) return readStored(source, { budget, signal });
      if (kind === 'data') return readKeptDataUri(source, signal);
      const url = textOf(source);
      const fetch = (): Promise<EncodedImage> =>
        kind === 'http' ? httpSource.read(url, { budget, signal }) : readFileUri(url, { ...settings, budget, signal });
      return ownFetches.run(signal, () => allFetches.run(signal, fetch));
    }

    async function resolve<T>(
      given: ImageSource,
      { param, signal: givenSignal, follow }: ResolveOptions,
      { noun, decode, tell }: Resolution<T>,
    ): Promise<T> {
      const source = withoutSpaceAround(given);
      const startedAtMs = performance.now();
      const signal = AbortSignal.any([givenSignal, deadline]);
      try {
        const kind = kindOf(source);
        const step = { source: kind, param };
        const file = await followed(
          follow,
          { ...step, name: 'fetch' },
          () => read(kind, source, signal),
          (read) => ({ bytes: encodedBytes(read) }),
        );
        const decoded = await followed(follow, { ...step, name: 'decode' }, () => decode(file, signal), tell);
        onResolved?.({ source: kind, resolveMs: performance.now() - startedAtMs });
        return decoded;
      } catch (error) {
        givenSignal.throwIfAborted();
        const failure = deadline.aborted ? tooLate(mediaTimeoutS) : error;
        if (!(failure instanceof VserveError)) throw failure;
        const { code, message, cause } = failure;
        throw new VserveError(code, named(noun, message), { param, cause, detail: describeSource(source) });
      }
    }

    const resolveImage = (source: ImageSource, options: ResolveOptions): Promise<Bitmap> =>
      resolve(source, options, {
        noun: 'image',
        decode: (image, signal) => {
          const { budget: asked, needsPixels = false } = options;
          return toBitmap(image, { budget, asked, needsPixels, signal });
        },
        tell: ({ width, height, encoded }) => ({ width, height, isKnown: encoded !== undefined }),
      });
    const open: ResolveImage['open'] = (source, asked, options) =>
      resolve(source, options, {
        noun: asked.kind,
        decode: (file, signal) => toParts(file, asked, { budget, maxPixels, signal }, options.budget),
        tell: () => ({}),
      });
    return Object.assign(resolveImage, { open });
  }

  return {
    forRequest: (findEncoded, keepsFile = false) =>
      resolverFor(
        async (image, { budget, asked, needsPixels, signal }) => {
          const name = findEncoded && !needsPixels ? await known.nameOf(image) : undefined;
          const before = name === undefined ? undefined : known.get(name);
          const encoded = before && findEncoded?.(before, asked);
          if (before !== undefined && encoded !== undefined) {
            freeMemory(image.pieces);
            return { ...before, rgb: new Uint8Array(), encoded };
          }
          const bitmap = await decoder.decode(image, {
            budget,
            maxPixels,
            keepsFile: keepsFile && !needsPixels,
            signal,
          });
          if (name !== undefined) known.remember(name, bitmap);
          return bitmap;
        },
        async (file, asked, limits, imageBudget) => {
          const source = findEncoded && (await known.nameOf(file));
          const name = source && source + JSON.stringify(asked);
          const before =
            name === undefined ? undefined : knownParts.get(name, (image) => findEncoded?.(image, imageBudget));
          if (before !== undefined) return before;
          const parts = await decoder.open(file, { asked, settings: partsSettings }, limits);
          if (name !== undefined) knownParts.remember(name, parts);
          return parts;
        },
      ),
    sizesForRequest: () =>
      resolverFor(
        (image, { budget, signal }) => decoder.decode(copyOf(image), { budget, maxPixels, sizeOnly: true, signal }),
        (file, asked, limits) =>
          decoder.open(copyOf(file), { asked, settings: partsSettings }, { ...limits, sizeOnly: true }),
      ),
    warmUp: () => httpSource.warmUp(),
    async close() {
      await decoder.close();
    },
  };
}

/** How a source is decoded. */
interface Resolution<T> {
  /** What it is, for errors. */
  readonly noun: string;
  readonly decode: (file: EncodedImage, signal: AbortSignal) => Promise<T>;
  readonly tell: (decoded: T) => ImageStepEnd;
}

/** An image in memory of its own: what is decoded is gone. */
function copyOf({ pieces, encoding }: EncodedImage): EncodedImage {
  return { pieces: pieces.map((piece) => piece.slice()), encoding };
}

/** A message about an image, as one about what it is. */
function named(noun: string, message: string): string {
  return noun === 'image' ? message : message.replaceAll(/\b([Tt]he) image\b/g, `$1 ${noun}`);
}

/** Throws `malformed_url`, `bad_scheme`. */
function kindOf(source: ImageSource): ImageOrigin {
  if (isStored(source)) return 'upload';
  switch (/^([a-z][a-z0-9+.-]*):/i.exec(startOf(source))?.[1]?.toLowerCase()) {
    case 'data':
      return 'data';
    case 'http':
    case 'https':
      return 'http';
    case 'file':
      return 'file';
    case undefined:
      throw new VserveError('malformed_url', 'The image URL is not a URL. Use an http(s):, data: or file: URL.');
    default:
      throw new VserveError('bad_scheme', 'The image URL has a scheme other than http, https, data and file.');
  }
}

function textOf(source: UrlSource): string {
  return typeof source === 'string' ? source : Buffer.concat(source.pieces).toString().trim();
}

function tooLate(timeoutS: number): VserveError {
  const message = `The images of the request took longer than ${timeoutS} s to fetch and decode, the limit of this server (--media-timeout-s).`;
  return new VserveError('fetch_timeout', message);
}
