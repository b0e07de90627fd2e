// A decoding thread: all work that grows with the size of an image happens here.
import { createHash } from 'node:crypto';
import { getPriority, setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import type { Bitmap } from '../backend/index.ts';
import { VserveError } from '../errors/index.ts';
import { decodeData } from './data-encoding.ts';
import { decodeDocument } from './decode-document.ts';
import { decodeImage } from './decode-image.ts';
import type { DecodeReply, DecodeRequest, PartsRequest } from './decode-messages.ts';
import { decodeVideo } from './decode-video.ts';
import { DecodedImages } from './decoded-images.ts';
import { imageSizeOf } from './image-size.ts';
import { MediaBudget } from './media-budget.ts';
import type { MediaPart } from './media-parts.ts';
import type { Reserve } from './pixels.ts';
import { plainFileOf } from './plain-file.ts';

const MAX_KEPT_BYTES = 64 * 1024 * 1024;
/** Niceness added to this thread: with all CPUs busy, it gets about a third of the share of one of the model's threads. */
const NICER = 5;
const NICEST = 19;
// Keeps streams even beside a large image. On other systems than Linux it would slow down the whole process.
if (process.platform === 'linux') setPriority(0, Math.min(getPriority() + NICER, NICEST));

const images = new DecodedImages(MAX_KEPT_BYTES);

parentPort?.on('message', (request: DecodeRequest | 'close') => {
  if (request === 'close') parentPort?.close();
  else void answer(request);
});

async function answer(request: DecodeRequest): Promise<void> {
  const { id } = request;
  try {
    if (request.parts === undefined) {
      const bitmap = await bitmapOf(request);
      send({ id, bitmap }, [bitmap.rgb.buffer, ...(bitmap.file === undefined ? [] : [bitmap.file.bytes.buffer])]);
      return;
    }
    const parts = await partsOf(request, request.parts);
    const pixels = parts.flatMap((part) => (part.type === 'image' ? [part.bitmap.rgb.buffer as ArrayBuffer] : []));
    send({ id, parts }, pixels);
  } catch (error) {
    if (error instanceof VserveError) send({ id, failure: { code: error.code, message: error.message } });
    else send({ id, defect: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}

/** The bytes of a request's file. */
function fileOf({ image: { pieces, encoding } }: DecodeRequest, budget: MediaBudget): Buffer {
  if (encoding === 'bytes') return Buffer.concat(pieces);
  return decodeData(pieces, encoding, (bytes) => {
    budget.spendEncoded(bytes);
  });
}

async function bitmapOf(request: DecodeRequest): Promise<Bitmap & { readonly rgb: Uint8Array<ArrayBuffer> }> {
  const { maxPixels, sizeOnly, keepsFile, maxBytes, bytesLeft } = request;
  const budget = new MediaBudget(maxBytes, bytesLeft);
  const file = fileOf(request, budget);
  let isReserved = false;
  const reserve: Reserve = (width, height, bytesPerPixel = 3) => {
    requirePixels(width, height, maxPixels);
    budget.spendDecoded(width, height, bytesPerPixel);
    isReserved = true;
  };
  const hash = createHash('sha256').update(file).digest('hex');
  if (sizeOnly) {
    const size = await imageSizeOf(file, (width, height) => requirePixels(width, height, maxPixels));
    return { ...size, rgb: new Uint8Array(), id: hash };
  }
  const bitmap = await images.get(hash, () => decodeImage(file, reserve));
  // It was decoded for another request, within that one's budget and limits.
  if (!isReserved) reserve(bitmap.width, bitmap.height);
  const plain = keepsFile ? await plainFileOf(file) : undefined;
  return plain === undefined ? bitmap : { ...bitmap, rgb: new Uint8Array(), file: plain };
}

async function partsOf(request: DecodeRequest, { asked, settings }: PartsRequest): Promise<readonly MediaPart[]> {
  const { id, maxPixels, sizeOnly, maxBytes, bytesLeft } = request;
  const budget = new MediaBudget(maxBytes, bytesLeft);
  const file = fileOf(request, budget);
  const reserve: Reserve = (width, height, bytesPerPixel = 3) => {
    requirePixels(width, height, maxPixels);
    if (!sizeOnly) budget.spendDecoded(width, height, bytesPerPixel);
  };
  const onProgress = (): void => send({ id, progress: true });
  const common = { settings, reserve, maxPixels, sizeOnly, onProgress };
  return asked.kind === 'document'
    ? decodeDocument(file, { ...common, asked })
    : decodeVideo(file, { ...common, asked });
}

function send(reply: DecodeReply, transferred: ArrayBuffer[] = []): void {
  parentPort?.postMessage(reply, transferred);
}

function requirePixels(width: number, height: number, maxPixels: number): void {
  if (width * height > maxPixels) throw tooManyPixels(width, height, maxPixels);
}

function tooManyPixels(width: number, height: number, maxPixels: number): VserveError {
  const message = `An image of ${width}x${height} pixels is too large: the limit of this server is ${maxPixels} pixels (--max-image-pixels). Scale it down.`;
  return new VserveError('decode_too_large', message);
}
