import type { IncomingMessage } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { messageOf, VserveError } from '../errors/index.ts';
import { BodyClock } from './body-clock.ts';
import type { BodyMemory, BodyShare } from './body-memory.ts';
import type { CpuLease, CpuShare } from './cpu-share.ts';
import { invalidJson, JsonScanner } from './json-scanner.ts';

/** Bytes that are parsed in one go; between two blocks the event loop turns. */
const BLOCK_BYTES = 64 * 1024;
/** A body that is larger takes a CPU from the model while it comes: reading it, and what the kernel does for it, is work. */
const LARGE_BYTES = 1024 * 1024;
/** A client that is silent for longer leaves the CPU to the model. */
const SILENCE_MS = 100;
/**
 * Beside streams, a large body is read no faster than a gigabit network brings it: a client on the same machine would take
 * their CPUs.
 */
const PACE_BYTES = 256 * 1024;
const PACE_MS = 2;

export interface ReadOptions {
  readonly maxBytes: number;
  readonly timeoutMs: number;
  readonly memory: BodyMemory;
  readonly cpus: CpuShare;
  readonly signal: AbortSignal;
}

export interface JsonBody {
  readonly value: unknown;
  /** To be called when nothing of the body is left, which makes room for others. A second call does nothing. */
  readonly release: () => void;
}

/**
 * Reads a JSON body of at most `maxBytes`. A larger one is refused as soon as that shows: by its Content-Length before
 * anything is read, else by the byte that is too many. Where there is no memory for it, it waits, and its client with it.
 * Throws `unsupported_encoding`, `request_too_large`, `request_timeout`, `invalid_json`, `request_cancelled` when the body
 * breaks off, or the signal's reason.
 */
export async function readJsonBody(
  request: IncomingMessage,
  { maxBytes, timeoutMs, memory, cpus, signal }: ReadOptions,
): Promise<JsonBody> {
  signal.throwIfAborted();
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    throw new VserveError('unsupported_encoding', `The body is encoded (${encoding}). Send it as it is.`);
  }
  const declaredBytes = declaredBytesOf(request);
  if ((declaredBytes ?? 0) > maxBytes) throw tooLarge(maxBytes);
  const left = new AbortController();
  const ended = AbortSignal.any([signal, left.signal]);
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
  const lease = cpus.lease(SILENCE_MS);
  const share = memory.open(declaredBytes, maxBytes);
  const clock = new BodyClock(timeoutMs);
  try {
    // Aborting the stream itself would take the connection along, and the answer with it.
    const value = await Promise.race([
      readJson(request, { maxBytes, share, clock, cpus, lease, signal: ended }),
      clock.expired,
      aborted,
    ]);
    return { value, release: () => share.release() };
  } catch (error) {
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
  readonly share: BodyShare;
  readonly clock: BodyClock;
  readonly cpus: CpuShare;
  readonly lease: CpuLease;
  /** Nobody waits for the body any more: what still comes of it is not kept. */
  readonly signal: AbortSignal;
}

async function readJson(
  request: IncomingMessage,
  { maxBytes, share, clock, cpus, lease, signal }: ReadJsonOptions,
): Promise<unknown> {
  if ((declaredBytesOf(request) ?? 0) > LARGE_BYTES) lease.renew();
  const scanner = new JsonScanner();
  // Strict about UTF-8, and without the byte order mark that some clients send.
  const decoder = new TextDecoder('utf-8', { fatal: true });
  // A client may send its body a byte at a time.
  const block = new Uint8Array(BLOCK_BYTES);
  let filled = 0;
  let endsInAscii = true;
  let bytes = 0;
  let pausedAtBytes = 0;
  const push = (piece: Uint8Array, keep: (piece: Uint8Array) => Uint8Array<ArrayBuffer>): void => {
    // The decoder must not wait for the rest of a character while it is passed by.
    if (!endsInAscii || !scanner.pushPlain(piece, keep)) scanner.push(textOf(decoder, piece, { stream: true }));
    endsInAscii = (piece.at(-1) ?? 0) < 0x80;
  };
  const pushBlock = (): void => {
    push(block.subarray(0, filled), (piece) => piece.slice());
    filled = 0;
  };
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
      signal.throwIfAborted();
      clock.stop();
      bytes += chunk.byteLength;
      if (bytes > maxBytes) throw tooLarge(maxBytes);
      if (bytes > share.bytes) await share.grow(bytes, signal);
      if (bytes > LARGE_BYTES) lease.renew();
      if (bytes - pausedAtBytes > PACE_BYTES && cpus.modelIsBusy) {
        pausedAtBytes = bytes;
        await setTimeout(PACE_MS);
      }
      if (isWholeBuffer(chunk) && chunk.length > BLOCK_BYTES / 2 && chunk.length <= BLOCK_BYTES) {
        // Nothing of a large picture is copied.
        if (filled > 0) pushBlock();
        push(chunk, ({ buffer }) => new Uint8Array(buffer as ArrayBuffer));
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
    throw new VserveError('request_cancelled', 'The client went away before its request was complete.', { cause });
  }
  if (bytes === 0) throw new VserveError('invalid_json', 'The request has no body. Send a JSON object.');
  scanner.push(textOf(decoder, block.subarray(0, filled), { stream: false }));
  return scanner.end();
}

/** Whether nothing else lies in its memory, which can move away then. */
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
    `The request's body is larger than ${String(maxBytes)} bytes, the limit of this server (MAX_SERVE_MAX_REQUEST_BYTES). Send smaller images, or refer to them by URL.`,
  );
}
