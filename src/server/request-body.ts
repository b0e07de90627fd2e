import type { IncomingMessage } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { messageOf, VserveError } from '../errors/index.ts';
import { BodyClock } from './body-clock.ts';
import type { BodyMemory, BodyShare } from './body-memory.ts';
import { addressOf } from './client-path.ts';
import type { CpuLease, CpuShare } from './cpu-share.ts';
import type { Decode } from './content-encoding.ts';
import { decoderOf } from './content-encoding.ts';
import { wantBody } from './expect-continue.ts';
import { invalidJson, JsonScanner } from './json-scanner.ts';

/** Bytes parsed at a time, between two turns of the event loop. */
const BLOCK_BYTES = 64 * 1024;
/** Bytes made a string at a time: few, since what follows may be the data of an image, which needs none. */
const TEXT_BYTES = 4 * 1024;
/** Receiving a body larger than this is work, for the kernel too: it takes a CPU from the model. */
const LARGE_BYTES = 1024 * 1024;
/** The CPU is returned to the model when nothing has been received for this long. */
const SILENCE_MS = 100;
/**
 * While the model is busy, large bodies are read no faster than gigabit Ethernet delivers them. A client on the same
 * machine would otherwise take CPU time from the streams.
 */
const PACE_BYTES = 256 * 1024;
const PACE_MS = 2;

export interface ReadOptions {
  readonly maxBytes: number;
  readonly timeoutMs: number;
  readonly memory: BodyMemory;
  readonly cpus: CpuShare;
  readonly signal: AbortSignal;
  /** Called with each piece of the body, decoded. */
  readonly onBytes?: ((bytes: Uint8Array) => void) | undefined;
}

export interface JsonBody {
  readonly value: unknown;
  /** Releases the memory of the body. Call it once nothing of the body is left; further calls do nothing. */
  readonly release: () => void;
}

/**
 * Reads a JSON body of at most `maxBytes`, decoded. A larger one is rejected as early as possible: by its Content-Length,
 * or at the first byte beyond the limit. While there is no memory for the body, nothing is read, which slows down the client.
 * Throws `unsupported_encoding`, `request_too_large`, `request_timeout`, `invalid_json`, `request_cancelled` if the
 * body is incomplete, or the signal's reason.
 */
export async function readJsonBody(
  request: IncomingMessage,
  { maxBytes, timeoutMs, memory, cpus, signal, onBytes }: ReadOptions,
): Promise<JsonBody> {
  signal.throwIfAborted();
  const decode = decoderOf(request.headers['content-encoding']);
  const declaredBytes = declaredBytesOf(request);
  if ((declaredBytes ?? 0) > maxBytes) throw tooLarge(maxBytes);
  wantBody(request);
  const left = new AbortController();
  const ended = AbortSignal.any([signal, left.signal]);
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
  const lease = cpus.lease(SILENCE_MS);
  // How large an encoded body is, is known only when it has been decoded.
  const share = memory.open(addressOf(request), decode === undefined ? declaredBytes : undefined, maxBytes);
  const clock = new BodyClock(timeoutMs, () => share.isWanted);
  const scanner = new JsonScanner();
  try {
    // Aborting the stream would close the connection before the response is sent.
    const value = await Promise.race([
      readJson(request, { maxBytes, decode, scanner, share, clock, cpus, lease, signal: ended, onBytes }),
      clock.expired,
      aborted,
    ]);
    return { value, release: () => share.release() };
  } catch (error) {
    // The reader may wait for a silent client for as long as the connection exists.
    scanner.discard();
    share.release();
    throw error;
  } finally {
    left.abort();
    clock.stop();
    lease.end();
  }
}

function declaredBytesOf({ headers }: IncomingMessage): number | undefined {
  const length = headers['content-length'];
  return length === undefined ? undefined : Number(length);
}

interface ReadJsonOptions {
  readonly maxBytes: number;
  readonly decode: Decode | undefined;
  readonly scanner: JsonScanner;
  readonly share: BodyShare;
  readonly clock: BodyClock;
  readonly cpus: CpuShare;
  readonly lease: CpuLease;
  /** Aborted when the result is no longer needed: whatever still arrives is not kept. */
  readonly signal: AbortSignal;
  readonly onBytes: ReadOptions['onBytes'];
}

async function readJson(
  request: IncomingMessage,
  { maxBytes, decode, scanner, share, clock, cpus, lease, signal, onBytes }: ReadJsonOptions,
): Promise<unknown> {
  if ((declaredBytesOf(request) ?? 0) > LARGE_BYTES) lease.renew();
  // Rejects invalid UTF-8 and skips the byte order mark that some clients send.
  const decoder = new TextDecoder('utf-8', { fatal: true });
  // Collects small chunks: a client may send its body byte by byte.
  const block = new Uint8Array(BLOCK_BYTES);
  let filled = 0;
  let endsInAscii = true;
  let bytes = 0;
  let pausedAtBytes = 0;
  const push = (given: Uint8Array, keep: (piece: Uint8Array) => Uint8Array<ArrayBuffer>): void => {
    for (let at = 0; at < given.length;) {
      // The decoder must not be bypassed while it holds an incomplete character.
      const plain = endsInAscii ? scanner.pushPlain(given.subarray(at), keep) : 0;
      at += plain;
      const text = given.subarray(at, at + TEXT_BYTES);
      if (text.length === 0) break;
      scanner.push(textOf(decoder, text, { stream: true }));
      endsInAscii = (text.at(-1) ?? 0) < 0x80;
      at += text.length;
    }
  };
  const pushBlock = (): void => {
    push(block.subarray(0, filled), (piece) => piece.slice());
    filled = 0;
  };
  try {
    const received = request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
    for await (const chunk of decode?.(limited(received, maxBytes)) ?? received) {
      signal.throwIfAborted();
      clock.stop();
      bytes += chunk.byteLength;
      if (bytes > maxBytes) throw tooLarge(maxBytes);
      onBytes?.(chunk);
      if (bytes > share.bytes) await share.grow(bytes, signal);
      if (bytes > LARGE_BYTES) lease.renew();
      if (bytes - pausedAtBytes > PACE_BYTES && cpus.modelIsBusy) {
        pausedAtBytes = bytes;
        await setTimeout(PACE_MS);
      }
      if (isWholeBuffer(chunk) && chunk.length > BLOCK_BYTES / 2 && chunk.length <= BLOCK_BYTES) {
        // Large images are not copied.
        if (filled > 0) pushBlock();
        push(new Uint8Array(chunk.buffer), (piece) => (isWholeBuffer(piece) ? piece : piece.slice()));
        clock.run();
        continue;
      }
      for (let at = 0; at < chunk.length;) {
        const taken = chunk.subarray(at, at + block.length - filled);
        block.set(taken, filled);
        filled += taken.length;
        at += taken.length;
        if (filled === block.length) pushBlock();
      }
      clock.run();
    }
  } catch (cause) {
    if (cause instanceof VserveError) throw cause;
    throw new VserveError('request_cancelled', 'The client disconnected before its request was complete.', { cause });
  }
  if (bytes === 0) throw new VserveError('invalid_json', 'The request has no body. Send a JSON object.');
  pushBlock();
  scanner.push(textOf(decoder, new Uint8Array(), { stream: false }));
  return scanner.end();
}

/** The bytes of an encoded body, of which there may be no more than of the decoded one. */
async function* limited(chunks: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw tooLarge(maxBytes);
    yield chunk;
  }
}

/** Whether the bytes span their whole buffer, so that it can be transferred. */
function isWholeBuffer(bytes: Uint8Array): bytes is Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer && bytes.byteLength === bytes.buffer.byteLength;
}

function textOf(decoder: InstanceType<typeof TextDecoder>, bytes: Uint8Array, options: { stream: boolean }): string {
  try {
    return decoder.decode(bytes, options);
  } catch (cause) {
    throw invalidJson(messageOf(cause), cause);
  }
}

function tooLarge(maxBytes: number): VserveError {
  return new VserveError(
    'request_too_large',
    `The request body is larger than ${String(maxBytes)} bytes, the limit of this server (MAX_SERVE_MAX_REQUEST_BYTES, and at most 7/8 of MAX_SERVE_MAX_REQUEST_MEMORY_BYTES). Send smaller images, or refer to them by URL.`,
  );
}
