import { request } from 'undici';
import type { Dispatcher } from 'undici';
import { messageOf, systemErrorCode, VserveError } from '../errors/index.ts';
import { answerError } from './answer-errors.ts';
import type { DownloadTuning, HubSettings } from './hub-settings.ts';
import { proxyAgent } from './proxy-agent.ts';
import { TransientFailure, withRetries } from './retry.ts';

const MAX_REDIRECTS = 5;
/** The largest page read from the Hub's API. A page lists a thousand files. */
const MAX_API_BYTES = 32 * 1024 * 1024;
/** Retries of an API request: a user who is offline should learn of it soon. */
const API_RETRIES = 3;

/** A successful response (2xx). Its body must be read to the end or destroyed. */
export interface HubAnswer {
  readonly status: number;
  readonly body: Dispatcher.ResponseData['body'];
  header(name: string): string | undefined;
  /** A header of the Hub's own first response, before any redirect. */
  hubHeader(name: string): string | undefined;
}

export interface ConnectionOptions {
  readonly settings: HubSettings;
  readonly repository: string;
  readonly revision: string;
  readonly tuning: DownloadTuning;
  readonly userAgent: string;
  readonly signal: AbortSignal;
  /** Called before each pause after a failed request. */
  readonly onRetry: (reason: string) => void;
}

/** Requests to the Hub about one repository. Sockets stay open until it is closed. */
export class HubConnection {
  readonly #options: ConnectionOptions;
  readonly #agent: Dispatcher;
  readonly #hub: URL;

  /** Throws `invalid_setting` for an endpoint or a proxy that is not an HTTP URL. */
  constructor(options: ConnectionOptions) {
    const { endpoint, proxies } = options.settings;
    this.#options = options;
    this.#hub = httpUrl(endpoint, 'HF_ENDPOINT');
    if (proxies.http !== '') httpUrl(proxies.http, 'HTTP_PROXY');
    if (proxies.https !== '') httpUrl(proxies.https, 'HTTPS_PROXY');
    this.#agent = proxyAgent(proxies);
  }

  /** The address of a file of the repository at a commit. */
  fileUrl(commit: string, path: string): URL {
    const { settings, repository } = this.#options;
    const encoded = path.split('/').map(encodeURIComponent).join('/');
    return new URL(`${settings.endpoint}/${repository}/resolve/${commit}/${encoded}`);
  }

  /**
   * One GET, following redirects. The token goes to the Hub's own origin only. Throws `TransientFailure` for failures
   * worth retrying, the error of an unsuccessful response (see `answerError`), the signal's reason.
   */
  async get(start: URL, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<HubAnswer> {
    let url = start;
    let first: Dispatcher.ResponseData | undefined;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
      const response = await this.#send(url, headers, signal);
      first ??= response;
      const header = (name: string): string | undefined => headerOf(response, name);
      if (response.statusCode >= 200 && response.statusCode < 300) {
        const origin = first;
        return {
          status: response.statusCode,
          body: response.body,
          header,
          hubHeader: (name) => headerOf(origin, name),
        };
      }
      await discard(response.body);
      const isRedirect = [301, 302, 303, 307, 308].includes(response.statusCode);
      if (!isRedirect) {
        const { repository, revision, settings } = this.#options;
        throw answerError(
          { status: response.statusCode, header, isHub: url.origin === this.#hub.origin, host: url.host },
          { repository, revision, endpoint: settings.endpoint, token: settings.token },
        );
      }
      url = redirectTarget(header('location'), url);
    }
    throw new VserveError('hub_invalid_answer', `${start.host} redirects more than ${MAX_REDIRECTS} times.`);
  }

  /**
   * A `fetch` for @huggingface/hub: GET only, with our redirects, token, retries and errors, so that the library only
   * sees successes. The whole body is read, up to a limit.
   */
  readonly fetch = async (input: string | URL | Request): Promise<Response> => {
    const { tuning, signal, onRetry } = this.#options;
    const url = new URL(input instanceof Request ? input.url : input);
    return withRetries(
      async () => {
        const answer = await this.get(url, { accept: 'application/json' }, signal);
        const pieces: Uint8Array[] = [];
        let bytes = 0;
        for await (const piece of this.read(answer, url, signal)) {
          bytes += piece.length;
          if (bytes > MAX_API_BYTES) {
            throw new VserveError('hub_invalid_answer', `A response of ${url.host} exceeds ${MAX_API_BYTES} bytes.`);
          }
          pieces.push(piece);
        }
        const link = answer.header('link');
        return new Response(Buffer.concat(pieces), { headers: link === undefined ? {} : { link } });
      },
      { tuning: { ...tuning, retries: Math.min(tuning.retries, API_RETRIES) }, signal, onRetry },
    );
  };

  /** The chunks of a body. Throws `TransientFailure` if it is cut off or stalls. */
  async *read(answer: HubAnswer, { host }: URL, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for await (const piece of answer.body as AsyncIterable<Uint8Array>) yield piece;
    } catch (error) {
      throw this.#transportError(error, host, signal);
    } finally {
      // A body abandoned midway takes its connection with it; that error is of no interest.
      answer.body.on('error', () => undefined).destroy();
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #send(
    url: URL,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    const { settings, tuning, userAgent } = this.#options;
    const isHub = url.origin === this.#hub.origin;
    const authorization = isHub && settings.token !== undefined ? `Bearer ${settings.token.value}` : undefined;
    try {
      return await request(url, {
        dispatcher: this.#agent,
        headers: {
          'user-agent': userAgent,
          'accept-encoding': 'identity',
          ...headers,
          ...(authorization === undefined ? {} : { authorization }),
        },
        headersTimeout: tuning.stallMs,
        bodyTimeout: tuning.stallMs,
        signal,
      });
    } catch (error) {
      throw this.#transportError(error, url.host, signal);
    }
  }

  #transportError(error: unknown, host: string, signal: AbortSignal): unknown {
    signal.throwIfAborted();
    const code = systemErrorCode(error) ?? '';
    if (code === 'UND_ERR_BODY_TIMEOUT' || code === 'UND_ERR_HEADERS_TIMEOUT') {
      const seconds = this.#options.tuning.stallMs / 1000;
      return new TransientFailure(`The connection to ${host} stalled: no data for ${seconds} s.`, {
        cause: error,
      });
    }
    if (error instanceof VserveError || code === '') return error;
    if (/CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS/.test(code)) {
      const message = `The certificate of ${host} is not trusted: ${messageOf(error)}\nIf a proxy uses its own certificate, set NODE_EXTRA_CA_CERTS to it.`;
      return new VserveError('hub_unreachable', message, { cause: error });
    }
    return new TransientFailure(`The connection to ${host} failed: ${messageOf(error) || code}.`, { cause: error });
  }
}

function headerOf({ headers }: Dispatcher.ResponseData, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

function redirectTarget(location: string | undefined, from: URL): URL {
  const url = location !== undefined && URL.canParse(location, from.href) ? new URL(location, from.href) : undefined;
  const isHttp = url?.protocol === 'https:' || (url?.protocol === 'http:' && from.protocol === 'http:');
  if (url !== undefined && isHttp) return url;
  throw new VserveError('hub_invalid_answer', `${from.host} redirects to a URL that cannot be followed.`);
}

function httpUrl(text: string, name: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol)) return url;
  throw new VserveError('invalid_setting', `${name} is ${JSON.stringify(text)}: it must be an http or https URL.`);
}

/** Drains a short body of no interest, so that its connection can be reused. */
async function discard(body: Dispatcher.ResponseData['body']): Promise<void> {
  await body.dump({ limit: 16_384 }).catch(() => undefined);
}
