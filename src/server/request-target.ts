import type { IncomingMessage } from 'node:http';

/** Any valid host will do: routing does not depend on it, and a client may send one that URLs do not allow. */
const ROUTING_HOST = 'localhost';

/**
 * Rewrites the request target so that it always parses as a URL: an absolute URL (RFC 9112, section 3.2.2) becomes its
 * path, `*` becomes `/`, and backslashes are escaped, since they would be taken for slashes. The raw headers keep the
 * client's Host.
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
