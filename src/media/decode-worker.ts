// A decoding thread: all work that grows with the size of an image happens here.
import { createHash } from 'node:crypto';
import { getPriority, setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import type { Bitmap } from '../backend/index.ts';
import { VserveError } from '../errors/index.ts';
import { decodeData } from './data-encoding.ts';
import { decodeImage } from './decode-image.ts';
import type { DecodeReply, DecodeRequest } from './decode-messages.ts';
import { DecodedImages } from './decoded-images.ts';
import { MediaBudget } from './media-budget.ts';
import type { Reserve } from './pixels.ts';

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
    const bitmap = await bitmapOf(request);
    send({ id, bitmap }, [bitmap.rgb.buffer]);
  } catch (error) {
    if (error instanceof VserveError) send({ id, failure: { code: error.code, message: error.message } });
    else send({ id, defect: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}

async function bitmapOf({ image, maxPixels, sizeOnly, maxBytes, bytesLeft }: DecodeRequest) {
  const budget = new MediaBudget(maxBytes, bytesLeft);
  const { pieces, encoding } = image;
  const file =
    encoding === 'bytes'
      ? Buffer.concat(pieces)
      : decodeData(pieces, encoding, (bytes) => {
          budget.spendEncoded(bytes);
        });
  let isReserved = false;
  const reserve: Reserve = (width, height, bytesPerPixel = 3) => {
    if (width * height > maxPixels) throw tooManyPixels(width, height, maxPixels);
    budget.spendDecoded(width, height, bytesPerPixel);
    isReserved = true;
  };
  const hash = createHash('sha256').update(file).digest('hex');
  if (sizeOnly) return { ...(await imageSizeOf(file, maxPixels)), rgb: new Uint8Array(), id: hash };
  const bitmap = await images.get(hash, () => decodeImage(file, reserve));
  // It was decoded for another request, within that one's budget and limits.
  if (!isReserved) reserve(bitmap.width, bitmap.height);
  return bitmap satisfies Bitmap;
}

function send(reply: DecodeReply, transferred: ArrayBuffer[] = []): void {
  parentPort?.postMessage(reply, transferred);
}

/** The size that the header states, after orientation. The pixels may be damaged nevertheless. */
async function imageSizeOf(file: Uint8Array, maxPixels: number): Promise<Pick<Bitmap, 'width' | 'height'>> {
  let size: Pick<Bitmap, 'width' | 'height'> | undefined;
  const found = new VserveError('undecodable', 'The image was not to be decoded.');
  try {
    return await decodeImage(file, (width, height) => {
      if (width * height > maxPixels) throw tooManyPixels(width, height, maxPixels);
      size = { width, height };
      // Decoding ends here.
      throw found;
    });
  } catch (error) {
    if (error !== found || size === undefined) throw error;
    return size;
  }
}

function tooManyPixels(width: number, height: number, maxPixels: number): VserveError {
  const message = `An image of ${width}x${height} pixels is too large: the limit of this server is ${maxPixels} pixels (--max-image-pixels). Scale it down.`;
  return new VserveError('decode_too_large', message);
}
