// The decoding thread: everything whose work grows with the size of a picture happens here.
import { parentPort } from 'node:worker_threads';
import sharp from 'sharp';
import { VserveError } from '../errors/index.ts';
import { decodeImage } from './decode-image.ts';
import type { DecodeReply, DecodeRequest } from './decode-messages.ts';
import { inMib, spendDecoded } from './media-budget.ts';

// No two requests have operations in common.
sharp.cache(false);

parentPort?.on('message', (request: DecodeRequest | 'close') => {
  if (request === 'close') parentPort?.close();
  else void answer(request);
});

async function answer({ id, pieces, maxBytes, decodedBytesLeft }: DecodeRequest): Promise<void> {
  try {
    const bitmap = await decodeImage(Buffer.concat(pieces), (width, height) => {
      if (!spendDecoded(decodedBytesLeft, width * height * 3)) throw tooLarge(width, height, maxBytes);
    });
    send({ id, bitmap }, [bitmap.rgb.buffer]);
  } catch (error) {
    if (error instanceof VserveError) send({ id, failure: { code: error.code, message: error.message } });
    else send({ id, defect: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}

function send(reply: DecodeReply, transferred: ArrayBuffer[] = []): void {
  parentPort?.postMessage(reply, transferred);
}

function tooLarge(width: number, height: number, maxBytes: number): VserveError {
  const message = `An image of ${width}x${height} pixels is too large: all images of a request together may take ${inMib(maxBytes)} decoded, at three bytes a pixel (MAX_SERVE_MAX_MEDIA_BYTES). Scale it down.`;
  return new VserveError('decode_too_large', message);
}
