import { VserveError } from '../errors/index.ts';

/**
 * Reads a JSON body of at most `maxBytes`. A larger one is refused as soon as that shows: by its Content-Length before
 * anything is read, else by the byte that is too many. Throws `request_too_large` or `invalid_json`.
 */
export async function readJsonBody(request: Request, maxBytes: number): Promise<unknown> {
  const declaredBytes = Number(request.headers.get('content-length') ?? 0);
  if (declaredBytes > maxBytes) throw tooLarge(maxBytes);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
  if (bytes === 0) throw new VserveError('invalid_json', 'The request has no body. Send a JSON object.');
  try {
    return JSON.parse(Buffer.concat(chunks, bytes).toString('utf8')) as unknown;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new VserveError('invalid_json', `The body is not valid JSON: ${shorten(reason)}`, { cause });
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
