import { once } from 'node:events';
import { connect } from 'node:net';

/** A part of a response's body, as the server sent it in a chunk of its own. Times are `performance.now()` milliseconds. */
export interface TimedChunk {
  readonly bytes: Buffer;
  /** When its last byte came. */
  readonly atMs: number;
}

export interface KeptResponse {
  readonly status: number;
  readonly chunks: readonly TimedChunk[];
  readonly endedAtMs: number;
}

interface Piece {
  readonly bytes: Buffer;
  readonly atMs: number;
}

const READ_BYTES = 65_536;
const HEAD_END = '\r\n\r\n';

/**
 * Posts JSON on a connection of its own, and keeps what comes as it comes: read by no stream and no parser before the server
 * closes the connection. A client shares the CPUs with the servers; while they work, it does as little as one elsewhere would.
 * Throws the signal's reason after an abort.
 */
export async function postAndKeep(
  url: URL,
  headers: Readonly<Record<string, string>>,
  body: string,
  signal?: AbortSignal,
): Promise<KeptResponse> {
  const pieces: Piece[] = [];
  const keep = (count: number, buffer: Uint8Array): boolean => {
    pieces.push({ bytes: Buffer.from(buffer.subarray(0, count)), atMs: performance.now() });
    return true;
  };
  const onread = { buffer: Buffer.allocUnsafe(READ_BYTES), callback: keep };
  const socket = connect({ host: url.hostname, port: Number(url.port), onread, noDelay: true });
  const stop = (): void => void socket.destroy();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    const all = { host: url.host, connection: 'close', 'content-length': String(Buffer.byteLength(body)), ...headers };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
    socket.write(`POST ${url.pathname} HTTP/1.1\r\n${lines.join('\r\n')}${HEAD_END}${body}`);
    await once(socket, 'close');
    signal?.throwIfAborted();
  } finally {
    signal?.removeEventListener('abort', stop);
    socket.destroy();
  }
  return keptResponse(pieces);
}

/** Reads the pieces of a response of HTTP/1.1 (RFC 9112). */
export function keptResponse(pieces: readonly Piece[]): KeptResponse {
  const bytes = Buffer.concat(pieces.map((piece) => piece.bytes));
  const endedAtMs = pieces.at(-1)?.atMs ?? NaN;
  const headEnd = bytes.indexOf(HEAD_END);
  const head = bytes.toString('latin1', 0, headEnd);
  const status = /^HTTP\/1\.1 (\d{3})/.exec(head)?.[1];
  if (headEnd < 0 || status === undefined) throw new Error('The server closed the connection without a response.');
  const body = headEnd + HEAD_END.length;
  const chunks = /^transfer-encoding: *chunked/im.test(head)
    ? chunksOf(bytes, body, pieces)
    : [{ bytes: bytes.subarray(body), atMs: endedAtMs }];
  return { status: Number(status), chunks, endedAtMs };
}

function chunksOf(bytes: Buffer, body: number, pieces: readonly Piece[]): TimedChunk[] {
  const chunks: TimedChunk[] = [];
  let piece = 0;
  let pieceEnd = pieces[0]?.bytes.length ?? 0;
  for (let at = body; ;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    const size = lineEnd < 0 ? NaN : parseInt(bytes.toString('latin1', at, lineEnd), 16);
    const [start, end] = [lineEnd + 2, lineEnd + 2 + size];
    if (Number.isNaN(size) || end > bytes.length) throw new Error('The server broke off in its answer.');
    if (size === 0) return chunks;
    while (pieceEnd < end) pieceEnd += pieces[++piece]?.bytes.length ?? Infinity;
    chunks.push({ bytes: bytes.subarray(start, end), atMs: pieces[piece]?.atMs ?? NaN });
    at = end + 2;
  }
}
