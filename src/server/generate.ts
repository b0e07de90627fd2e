import { imageReferences, toGenerateRequest } from '../api/index.ts';
import type { ParsedRequest } from '../api/index.ts';
import type { Bitmap, GenerationEvent, LoadedModel } from '../backend/index.ts';
import { messageOf, VserveError } from '../errors/index.ts';
import type { MediaResolver } from '../media/index.ts';
import type { Admission, Place } from './admission.ts';
import { anonymous } from './client-path.ts';
import type { ClientPath } from './fair-turns.ts';
import { readAhead } from './read-ahead.ts';
import type { Slots } from './slots.ts';

/** Larger than any answer. */
const MAX_AHEAD_BYTES = 1024 * 1024;
/** Estimated overhead of an event, besides its text, and of a token with its log probability. */
const EVENT_BYTES = 64;
const LOG_PROB_BYTES = 256;

export interface GenerateOptions {
  readonly model: LoadedModel;
  readonly media: MediaResolver;
  readonly admission: Admission;
  /** Follows the generation, where someone wants to know. */
  readonly slots?: Slots | undefined;
  readonly client: ClientPath;
  readonly signal: AbortSignal;
  /** When the request came, as `performance.now()`. */
  readonly receivedAtMs: number;
  /** Called once the request body is no longer needed. */
  readonly onBodyUsed: () => void;
  /** Called when the prompt is made, with what that took since the request came, without the waiting for its turn. */
  readonly onInputProcessed: (processingMs: number) => void;
}

/**
 * Fetches a request's images, waits for its turn, and generates. The place is free as soon as the backend is done, even
 * if the client reads slowly.
 */
export function generate(
  request: ParsedRequest,
  options: GenerateOptions,
): AsyncGenerator<GenerationEvent, void, undefined> {
  let place: Place | undefined;
  let waitedMs = 0;
  const slot = options.slots?.begin(request.maxTokens);
  const open = (): Promise<AsyncIterable<GenerationEvent>> => {
    place = options.admission.join(options.client);
    return inTurn(request, place, options, (ms) => {
      waitedMs += ms;
    });
  };
  return readAhead(open, {
    maxSize: MAX_AHEAD_BYTES,
    sizeOf: sizeOfEvent,
    onValue: (event) => {
      slot?.see(event);
      if (event.type === 'start') options.onInputProcessed(performance.now() - options.receivedAtMs - waitedMs);
    },
    onEnd: () => {
      place?.leave();
      slot?.end();
    },
  });
}

function sizeOfEvent(event: GenerationEvent): number {
  if (!('tokens' in event)) return EVENT_BYTES;
  const text = event.type === 'tool-call-delta' ? event.arguments : event.text;
  const bytes = EVENT_BYTES + 2 * text.length;
  return (event.logProbs ?? []).reduce((sum, { likeliest }) => sum + LOG_PROB_BYTES * (1 + likeliest.length), bytes);
}

async function inTurn(
  request: ParsedRequest,
  place: Place,
  { model, media, client, signal, onBodyUsed }: GenerateOptions,
  onWaited: (ms: number) => void,
): Promise<AsyncIterable<GenerationEvent>> {
  let images: readonly Bitmap[] = [];
  if (imageReferences(request).length > 0) {
    onWaited(await timed(place.toFetchImages(signal)));
    images = await fetchImages(request, { model, media, signal });
  }
  onBodyUsed();
  onWaited(await timed(place.toGenerate(signal)));
  const generateRequest = toGenerateRequest(request, model.info, images);
  return model.generate({ ...generateRequest, client: anonymous(client) }, signal);
}

/** How long a promise took to settle, in milliseconds. */
async function timed(waiting: Promise<void>): Promise<number> {
  const fromMs = performance.now();
  await waiting;
  return performance.now() - fromMs;
}

/** Fetches all images concurrently. The first failure aborts the other fetches. */
async function fetchImages(
  request: ParsedRequest,
  { model, media, signal }: Pick<GenerateOptions, 'model' | 'media' | 'signal'>,
): Promise<Bitmap[]> {
  const fetches = new AbortController();
  try {
    const resolve = media.forRequest((id) => model.encodedImage?.(id, request.cacheSalt));
    const fetchSignal = AbortSignal.any([signal, fetches.signal]);
    return await Promise.all(
      imageReferences(request).map(({ url, param }) => resolve(url, { param, signal: fetchSignal })),
    );
  } catch (error) {
    throw isOutOfDescriptors(error) ? tooManyOpenFiles(error) : error;
  } finally {
    fetches.abort();
  }
}

/** Whether an error was caused by too many open files in this process. */
function isOutOfDescriptors(error: unknown): boolean {
  // A worker thread that fails to start reports it only in its message.
  if (/\bE[MN]FILE\b/.test(messageOf(error))) return true;
  return error instanceof Error && error.cause !== undefined && isOutOfDescriptors(error.cause);
}

function tooManyOpenFiles(cause: unknown): VserveError {
  return new VserveError('at_capacity', 'The server has too many open files to fetch the images. Please retry later.', {
    cause,
    detail: 'raise the limit of open files (ulimit -n)',
  });
}
