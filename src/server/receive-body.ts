import type { IncomingMessage } from 'node:http';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { VserveError } from '../errors/index.ts';
import { BodyClock } from './body-clock.ts';
import type { BodyMemory, BodyShare } from './body-memory.ts';
import { addressOf } from './client-path.ts';
import type { CpuLease, CpuShare } from './cpu-share.ts';
import type { Decode } from './content-encoding.ts';
import { decoderOf } from './content-encoding.ts';
import { wantBody } from './expect-continue.ts';

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
/**
 * A client may send its body byte by byte, and each chunk costs some work. Now and then the turn of the event loop ends: what
 * has arrived by the next one is read as one chunk, and other clients are served.
 */
const TINY_BYTES = 1024;
const TINY_CHUNKS = 16;

export interface ReceiveOptions {
  readonly maxBytes: number;
  readonly timeoutMs: number;
  readonly memory: BodyMemory;
  readonly cpus: CpuShare;
  readonly signal: AbortSignal;
  /** Called with each piece of the body, decoded. */
  readonly onBytes?: ((bytes: Uint8Array) => void) | undefined;
}

/** What takes a body, and makes something of it. */
export interface BodyReader<Value> {
  /** Takes the next chunk. It may keep one that is a buffer of its own. */
  push(chunk: Uint8Array): void | Promise<void>;
  /** What the body is, now that all of it has come. */
  end(): Value | Promise<Value>;
  /** Nothing more of it is wanted. */
  discard(): void;
}

export interface ReceivedBody<Value> {
  readonly value: Value;
  /** Releases the memory of the body. Call it once nothing of the body is left; further calls do nothing. */
  readonly release: () => void;
}

/**
 * Receives a body of at most `maxBytes`, decoded. A larger one is rejected as early as possible: by its Content-Length, or at
 * the first byte beyond the limit. While there is no memory for the body, nothing is read, which slows down the client. Throws
 * `unsupported_encoding`, `request_too_large`, `request_timeout`, what the reader throws, `request_cancelled` if the body is
 * incomplete, or the signal's reason.
 */
export async function receiveBody<Value>(
  request: IncomingMessage,
  { maxBytes, timeoutMs, memory, cpus, signal, onBytes }: ReceiveOptions,
  reader: BodyReader<Value>,
): Promise<ReceivedBody<Value>> {
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
  try {
    // Aborting the stream would close the connection before the response is sent.
    const value = await Promise.race([
      readAll(request, { maxBytes, decode, reader, share, clock, cpus, lease, signal: ended, onBytes }),
      clock.expired,
      aborted,
    ]);
    return { value, release: () => share.release() };
  } catch (error) {
    // The reader may wait for a silent client for as long as the connection exists.
    reader.discard();
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

interface ReadAllOptions<Value> {
  readonly maxBytes: number;
  readonly decode: Decode | undefined;
  readonly reader: BodyReader<Value>;
  readonly share: BodyShare;
  readonly clock: BodyClock;
  readonly cpus: CpuShare;
  readonly lease: CpuLease;
  /** Aborted when the result is no longer needed: whatever still arrives is not kept. */
  readonly signal: AbortSignal;
  readonly onBytes: ReceiveOptions['onBytes'];
}

async function readAll<Value>(
  request: IncomingMessage,
  { maxBytes, decode, reader, share, clock, cpus, lease, signal, onBytes }: ReadAllOptions<Value>,
): Promise<Value> {
  if ((declaredBytesOf(request) ?? 0) > LARGE_BYTES) lease.renew();
  let bytes = 0;
  let pausedAtBytes = 0;
  let tinyChunks = 0;
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
      const pushed = reader.push(chunk);
      if (pushed !== undefined) await pushed;
      clock.run();
      if (chunk.byteLength < TINY_BYTES && (tinyChunks += 1) % TINY_CHUNKS === 0) await setImmediate();
    }
  } catch (cause) {
    if (cause instanceof VserveError) throw cause;
    throw new VserveError('request_cancelled', 'The client disconnected before its request was complete.', { cause });
  }
  return reader.end();
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

function tooLarge(maxBytes: number): VserveError {
  return new VserveError(
    'request_too_large',
    `The request body is larger than ${String(maxBytes)} bytes, the limit of this server (MAX_SERVE_MAX_REQUEST_BYTES, and at most 7/8 of MAX_SERVE_MAX_REQUEST_MEMORY_BYTES). Send smaller images, or refer to them by URL.`,
  );
}
