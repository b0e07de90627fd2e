import type { MiddlewareHandler } from 'hono';
import { VserveError } from '../errors/index.ts';
import type { RequestContext } from './access-log.ts';

/** `host` or `host:port` (RFC 3986, section 3.2.2), as far as URLs allow. */
const HOST = /^(?:\[[\da-f:.]+\]|[\w.~!$&'()*+,;=%-]+)(?::\d*)?$/i;

/** Rejects requests with an invalid Host header. HTTP/1.0, which some load balancers still use, does not need one. */
export const checkHost: MiddlewareHandler<RequestContext> = async (context, next) => {
  const host = context.req.header('host');
  if (host === undefined && context.env.incoming.httpVersion === '1.1') {
    throw new VserveError('invalid_request', 'The request has no Host header, which HTTP/1.1 requires.');
  }
  if (host !== undefined && host !== '' && hostNameOf(host) === undefined) {
    throw new VserveError('invalid_request', 'The Host header is not a valid host name.');
  }
  await next();
};

/** The host name in a Host header, in lower case, with brackets around an IPv6 address; undefined if it is invalid. */
export function hostNameOf(host: string): string | undefined {
  if (!HOST.test(host) || !URL.canParse(`http://${host}/`)) return undefined;
  return new URL(`http://${host}/`).hostname;
}
