import type { IncomingMessage } from 'node:http';

/** Any that a URL takes: routing does not depend on the host, and what a client sends as one need not be a URL's. */
const ROUTING_HOST = 'localhost';

/**
 * Makes the request's target one that always parses as a URL: of the absolute form (RFC 9112, section 3.2.2) the path,
 * for `*` the root, a backslash escaped instead of taken for a slash. The client's own Host stays in the raw headers.
 */
export function normalizeTarget(incoming: IncomingMessage): void {
  incoming.url = pathOfTarget(incoming.url ?? '/');
  incoming.headers.host = ROUTING_HOST;
}

function pathOfTarget(target: string): string {
  const path = target.replace(/^https?:\/\/[^/?#]*/i, '').replaceAll('\\', '%5C');
  if (path.startsWith('/')) return path;
  return path.startsWith('?') ? `/${path}` : '/';
}

const UNVERSIONED = /^\/(?:chat\/completions|models)(?=\/|$)/;

/**
 * The path that routes are matched by. Base URLs come with and without `/v1`, and with and without a slash at their end:
 * `//v1/models`, `/v1//models`, `/models` and `/v1/models/` are all `/v1/models`.
 */
export function routedPath(url: string): string {
  const { pathname } = new URL(url);
  const path = pathname
    .replace(/^\/+/, '/')
    .replace(/^\/v1\/+/, '/v1/')
    .replace(/(?<=.)\/$/, '');
  return UNVERSIONED.test(path) ? `/v1${path}` : path;
}
