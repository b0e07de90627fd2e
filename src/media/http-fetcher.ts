import type { Socket } from 'node:net';
import type { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Agent, buildConnector, request } from 'undici';
import type { Dispatcher } from 'undici';
import { VserveError } from '../errors/index.ts';
import type { AddressGuard } from './address-guard.ts';
import { ByteBlocks } from './byte-blocks.ts';
import { peek, unpackersOf } from './content-coding.ts';
import { fetchFailure } from './fetch-failure.ts';
import type { EncodedImage } from './image-source.ts';
import type { MediaBudget } from './media-budget.ts';

const MAX_REDIRECTS = 4;
/** Longer URLs are refused, as most servers would. */
const MAX_URL_CHARACTERS = 8192;
/** Longer than any host name; parsing a Unicode host name takes quadratic time. */
const MAX_PART_CHARACTERS = 2048;
const HEADERS = {
  // Some servers answer 406 to clients that do not ask for an image.
  accept: 'image/*,*/*;q=0.8',
  'accept-encoding': 'identity',
  'user-agent': 'Mozilla/5.0 (compatible; vserve)',
};

/** Timeouts of a fetch. */
export interface FetchTimeouts {
  readonly connectMs: number;
  /** Between two chunks of a response. */
  readonly idleMs: number;
}

export interface HttpReadOptions {
  readonly budget: MediaBudget;
  readonly signal: AbortSignal;
}

interface FollowOptions {
  readonly agent: Agent;
  readonly signal: AbortSignal;
  /** Returns how many there were so far. */
  readonly onRedirect: () => number;
}

/** Fetches images over HTTP. Each fetch has its own connections, which are closed with it. */
export class HttpFetcher {
  readonly #guard: AddressGuard;
  readonly #timeouts: FetchTimeouts;
  readonly #connect: buildConnector.connector;

  constructor(guard: AddressGuard, timeouts: FetchTimeouts) {
    this.#guard = guard;
    this.#timeouts = timeouts;
    this.#connect = buildConnector({
      lookup: guard.lookup,
      timeout: timeouts.connectMs,
      autoSelectFamily: true,
    });
  }

  /**
   * The bytes behind an `http://` or `https://` URL. Throws `malformed_url`, `no_host`, `ssrf_blocked`, `dns_failure`,
   * `fetch_status`, `fetch_timeout`, `fetch_transport`, `bad_redirect`, `too_many_redirects`, `over_budget`,
   * `at_capacity`, or the signal's reason.
   */
  async read(url: string, { budget, signal }: HttpReadOptions): Promise<EncodedImage> {
    let redirects = 0;
    const agent = this.#agentUntil(signal);
    try {
      const response = await this.#follow(parseUrl(url), { agent, signal, onRedirect: () => (redirects += 1) });
      return { pieces: await readBody(response, { budget, signal }), encoding: 'bytes' };
    } catch (error) {
      signal.throwIfAborted();
      throw fetchFailure(error, redirects > 0);
    } finally {
      void agent.destroy();
    }
  }

  /** An agent whose connections are closed on abort, even while connecting, which undici would wait for. */
  #agentUntil(signal: AbortSignal): Agent {
    return new Agent({
      connect: (options, callback) => {
        const socket = this.#connect(options, callback) as unknown as Socket;
        const onAbort = (): void => void socket.destroy(new Error('The fetch was aborted.'));
        signal.addEventListener('abort', onAbort, { once: true });
        socket.once('close', () => signal.removeEventListener('abort', onAbort));
      },
      headersTimeout: this.#timeouts.idleMs,
      bodyTimeout: this.#timeouts.idleMs,
    });
  }

  async #follow(start: URL, { agent, signal, onRedirect }: FollowOptions): Promise<Dispatcher.ResponseData> {
    let url = start;
    for (;;) {
      this.#guard.requireAllowedLiteral(url.hostname);
      this.#guard.requireAllowedPort(url.port);
      const response = await request(url, { dispatcher: agent, headers: HEADERS, signal });
      const { statusCode, headers } = response;
      if (statusCode >= 200 && statusCode < 300) return response;
      discard(response.body);
      if (![301, 302, 303, 307, 308].includes(statusCode)) {
        const message = `The server of the image answered with HTTP status ${statusCode}.`;
        throw new VserveError('fetch_status', message);
      }
      const target = redirectTarget(headers['location'], url);
      if (onRedirect() > MAX_REDIRECTS) {
        const message = `The image URL redirects more than ${MAX_REDIRECTS} times.`;
        throw new VserveError('too_many_redirects', message);
      }
      url = target;
    }
  }
}

/** A URL that can be fetched. Throws `malformed_url`, `no_host`. */
function parseUrl(text: string): URL {
  if (isTooLong(text)) {
    throw new VserveError('malformed_url', `The image URL is too long: the limit is ${MAX_URL_CHARACTERS} characters.`);
  }
  if (!/^https?:\/\/[^/?#\\]/i.test(text)) throw new VserveError('no_host', 'The image URL has no host.');
  if (!URL.canParse(text)) throw new VserveError('malformed_url', 'The image URL is not a valid URL.');
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') {
    throw new VserveError(
      'malformed_url',
      'The image URL has a user name or password, which are not sent. Remove them.',
    );
  }
  return url;
}

/** Whether a URL, or any part of it between slashes, is too long. */
function isTooLong(text: string): boolean {
  if (text.length > MAX_URL_CHARACTERS) return true;
  const [beforeQuery = ''] = text.split(/[?#]/, 1);
  return beforeQuery.split(/[/\\]/).some((part) => part.length > MAX_PART_CHARACTERS);
}

function redirectTarget(header: string | string[] | undefined, from: URL): URL {
  const location = typeof header === 'string' ? utf8Of(header) : header;
  if (typeof location === 'string' && isTooLong(location)) {
    throw new VserveError('bad_redirect', 'The image URL redirects to an address that is too long.');
  }
  if (typeof location !== 'string') {
    throw new VserveError('bad_redirect', 'The image URL redirects without a Location.');
  }
  if (!URL.canParse(location, from.href)) {
    throw new VserveError('bad_redirect', 'The image URL redirects to an invalid URL.');
  }
  const url = new URL(location, from.href);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new VserveError('bad_redirect', 'The image URL redirects to something that is not an HTTP address.');
  }
  if (url.username !== '' || url.password !== '') {
    throw new VserveError('bad_redirect', 'The image URL redirects to an address with a user name or password.');
  }
  return url;
}

/** A header, which arrives decoded as Latin-1, as UTF-8 if it is that: many servers send raw UTF-8. */
function utf8Of(header: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(header, 'latin1'));
  } catch {
    return header;
  }
}

/** Reads a response to its end. The limit applies to what is received, and again to what each decompression gives. */
async function readBody(
  { headers, body }: Dispatcher.ResponseData,
  { budget, signal }: HttpReadOptions,
): Promise<Uint8Array<ArrayBuffer>[]> {
  const blocks = new ByteBlocks();
  async function* counted(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let packedBytes = 0;
    for await (const chunk of chunks) {
      packedBytes += chunk.length;
      budget.requireEncoded(packedBytes);
      yield chunk;
    }
  }
  async function* unpacked(chunks: AsyncIterable<Uint8Array>, unpacker: Transform): AsyncGenerator<Uint8Array> {
    // The unpacker fails with the same error.
    pipeline(chunks, counted, unpacker, { signal }).catch(() => undefined);
    yield* unpacker as AsyncIterable<Uint8Array>;
  }
  try {
    const announcedBytes = Number(headers['content-length']);
    if (Number.isSafeInteger(announcedBytes)) budget.requireEncoded(announcedBytes);
    const { start, chunks } = await peek(body as AsyncIterable<Uint8Array>);
    const unpackers = unpackersOf(headers['content-encoding'], start);
    for await (const chunk of unpackers.reduce(unpacked, chunks)) {
      budget.spendEncoded(chunk.length);
      blocks.add(chunk);
    }
  } finally {
    discard(body);
  }
  return blocks.pieces;
}

/** Drops a response that is not read to its end, and its connection. */
function discard(body: Dispatcher.ResponseData['body']): void {
  body.on('error', () => {}).destroy();
}
