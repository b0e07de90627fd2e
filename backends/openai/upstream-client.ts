import { Pool } from 'undici';
import { Exchange } from './response/exchange.ts';
import type { UpstreamConfig } from './upstream-config.ts';

/** Answers that are no streams are short. */
const MAX_JSON_CHARACTERS = 64 * 1024 * 1024;
const CONNECT_TIMEOUT_MS = 5000;

export interface JsonAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** Undefined if the text is no JSON. */
  readonly body: unknown;
}

/** The connections to an upstream. */
export class UpstreamClient {
  readonly #pool: Pool;
  readonly #prefix: string;
  readonly #headers: Readonly<Record<string, string>>;
  #heardAtMs = -Infinity;

  /** `silenceMs`: how long the upstream may be silent before and within an answer. */
  constructor({ url, key }: Pick<UpstreamConfig, 'url' | 'key'>, silenceMs: number) {
    const isSocket = url.startsWith('unix:');
    const { origin, pathname } = new URL(isSocket ? 'http://localhost' : url);
    this.#prefix = pathname.replace(/\/$/, '');
    this.#headers = {
      'content-type': 'application/json',
      'accept-encoding': 'identity',
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
    };
    this.#pool = new Pool(origin, {
      pipelining: 1,
      headersTimeout: silenceMs,
      bodyTimeout: silenceMs,
      connect: { timeout: CONNECT_TIMEOUT_MS },
      ...(isSocket ? { socketPath: url.slice('unix:'.length) } : {}),
    });
  }

  /** When anything came from the upstream, by `performance.now()`. */
  get heardAtMs(): number {
    return this.#heardAtMs;
  }

  /** Sends a request. The path is one of the API: `/v1/chat/completions`. */
  send(method: 'GET' | 'POST', path: string, body?: string): Exchange {
    const exchange = new Exchange(() => (this.#heardAtMs = performance.now()));
    this.#pool.dispatch(
      { method, path: this.#prefix + path, headers: this.#headers, ...(body === undefined ? {} : { body }) },
      exchange,
    );
    return exchange;
  }

  /** A whole answer. Throws the error of the connection, or the signal's reason. */
  async ask(method: 'GET' | 'POST', path: string, signal: AbortSignal, body?: unknown): Promise<JsonAnswer> {
    signal.throwIfAborted();
    const exchange = this.send(method, path, body === undefined ? undefined : JSON.stringify(body));
    const onAbort = (): void => exchange.abort(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      const { status, headers } = await exchange.head;
      const text = await exchange.text(MAX_JSON_CHARACTERS);
      return { status, headers, text, body: parsed(text) };
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** Waits for what runs, then closes the connections. */
  close(): Promise<void> {
    return this.#pool.close();
  }

  /** Closes the connections, with what runs on them. */
  destroy(): Promise<void> {
    return this.#pool.destroy();
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
