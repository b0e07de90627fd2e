import { createHash } from 'node:crypto';
import type { Context } from 'hono';
import type { RequestContext } from './access-log.ts';

/** A request that has come to the model. */
export interface WatchedRequest {
  readonly requestId: string;
  /** `POST /v1/chat/completions` */
  readonly target: string;
  /** The same for the same request, whoever sends it: a hash of its target and body. */
  readonly fingerprint: string;
}

/** Told of the requests that run, for when the process ends under them. */
export interface CrashWatch {
  /**
   * A request begins. Returns what is to be called when no part of it is running any more. Throws `request_crashes` for
   * one that has ended the process before.
   */
  begin(request: WatchedRequest): () => void;
}

/** The watch over one request, which begins once its body was read. */
export class RequestWatch {
  readonly #watch: CrashWatch;
  readonly #request: Omit<WatchedRequest, 'fingerprint'>;
  readonly #hash;
  #end: (() => void) | undefined;

  constructor(watch: CrashWatch, request: Omit<WatchedRequest, 'fingerprint'>) {
    this.#watch = watch;
    this.#request = request;
    this.#hash = createHash('sha256').update(`${request.target}\n`);
  }

  /** Takes the next bytes of the body. */
  readonly onBytes = (bytes: Uint8Array): void => {
    this.#hash.update(bytes);
  };

  /** The body is complete. Throws `request_crashes`. */
  begin(): void {
    this.#end = this.#watch.begin({ ...this.#request, fingerprint: this.#hash.digest('base64url') });
  }

  /** Further calls do nothing. */
  readonly end = (): void => {
    this.#end?.();
    this.#end = undefined;
  };
}

/** The watch over a request, where someone watches. */
export function watchOf(
  { watch }: { readonly watch?: CrashWatch | undefined },
  { req, var: { requestId } }: Context<RequestContext>,
): RequestWatch | undefined {
  return watch && new RequestWatch(watch, { requestId, target: `${req.method} ${req.path}` });
}
