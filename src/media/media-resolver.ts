import type { Bitmap } from '../backend/index.ts';
import { VserveError } from '../errors/index.ts';
import { readDataUri } from './data-uri.ts';
import { DecodeThread } from './decode-thread.ts';
import { readFileUri } from './file-source.ts';
import { HttpSource } from './http-source.ts';
import type { HttpSourceOptions } from './http-source.ts';
import { MediaBudget } from './media-budget.ts';
import type { MediaSettings } from './media-settings.ts';

export interface ResolveOptions {
  /** Names the image in an error, as `messages[2].content[1]`. */
  readonly param: string;
  readonly signal: AbortSignal;
}

/**
 * Turns the reference to an image (`http:`, `https:`, `data:` or `file:`) into its pixels. Throws a `VserveError` with
 * `param` whose code says what was wrong, or the signal's reason.
 */
export type ResolveImage = (url: string, options: ResolveOptions) => Promise<Bitmap>;

export interface MediaResolver {
  /** A resolver for the images of one request, which share one budget of bytes. */
  forRequest(): ResolveImage;
  /** Closes connections and ends the decoding thread. */
  close(): Promise<void>;
}

/** Makes a resolver. Throws `invalid_setting`. */
export function createMediaResolver(
  settings: MediaSettings,
  http: Pick<HttpSourceOptions, 'lookup' | 'timeouts'> = {},
): MediaResolver {
  const httpSource = new HttpSource({ ...settings, ...http });
  const decoder = new DecodeThread();

  function readSource(url: string, options: { budget: MediaBudget; signal: AbortSignal }) {
    switch (/^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase()) {
      case 'data':
        return readDataUri(url, options);
      case 'http':
      case 'https':
        return httpSource.read(url, options);
      case 'file':
        return readFileUri(url, { ...settings, ...options });
      case undefined:
        throw new VserveError('malformed_url', 'The image URL is not a URL. Give an http(s):, data: or file: URL.');
      default:
        throw new VserveError('bad_scheme', 'The image URL has a scheme other than http, https, data and file.');
    }
  }

  return {
    forRequest() {
      const budget = new MediaBudget(settings.maxMediaBytes);
      return async (url, { param, signal }) => {
        try {
          const pieces = await readSource(url, { budget, signal });
          return await decoder.decode(pieces, { budget, signal });
        } catch (error) {
          signal.throwIfAborted();
          throw error instanceof VserveError ? withParam(error, param) : error;
        }
      };
    },
    async close() {
      await Promise.all([httpSource.close(), decoder.close()]);
    },
  };
}

function withParam(error: VserveError, param: string): VserveError {
  return new VserveError(error.code, error.message, { param, cause: error.cause });
}
