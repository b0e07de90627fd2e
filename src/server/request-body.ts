import type { IncomingMessage } from 'node:http';
import { messageOf, VserveError } from '../errors/index.ts';

export interface ReadOptions {
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

/**
 * Reads a JSON body of at most `maxBytes`. A larger one is refused as soon as that shows: by its Content-Length before
 * anything is read, else by the byte that is too many. Throws `unsupported_encoding`, `request_too_large`, `invalid_json`,
 * `request_cancelled` when the body breaks off, or the signal's reason.
 */
export async function readJsonBody(request: IncomingMessage, { maxBytes, signal }: ReadOptions): Promise<unknown> {
  signal.throwIfAborted();
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    throw new VserveError('unsupported_encoding', `The body is encoded (${encoding}). Send it as it is.`);
  }
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
  // Aborting the stream itself would take the connection along, and the answer with it.
  return parseJson(await Promise.race([readBytes(request, maxBytes), aborted]));
}

async function readBytes(request: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  const declaredBytes = Number(request.headers['content-length'] ?? 0);
  if (declaredBytes > maxBytes) throw tooLarge(maxBytes);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
      bytes += chunk.byteLength;
      if (bytes > maxBytes) throw tooLarge(maxBytes);
      chunks.push(chunk);
    }
  } catch (cause) {
    if (cause instanceof VserveError) throw cause;
    throw new VserveError('request_cancelled', 'The client went away before its request was complete.', { cause });
  }
  if (bytes === 0) throw new VserveError('invalid_json', 'The request has no body. Send a JSON object.');
  return Buffer.concat(chunks, bytes);
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    // Strict about UTF-8, and without the byte order mark that some clients send.
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown;
  } catch (cause) {
    throw new VserveError('invalid_json', `The body is not valid JSON: ${shorten(messageOf(cause))}`, { cause });
  }
}

/** The parser's message can quote much of the body. */
function shorten(reason: string): string {
  return reason.length > 200 ? `${reason.slice(0, 200)}…` : reason;
}

function tooLarge(maxBytes: number): VserveError {
  return new VserveError(
    'request_too_large',
    `The request's body is larger than ${String(maxBytes)} bytes, the limit of this server (MAX_SERVE_MAX_REQUEST_BYTES). Send smaller images, or refer to them by URL.`,
  );
}
