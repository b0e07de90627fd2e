import type { MiddlewareHandler } from 'hono';
import { VserveError } from '../errors/index.ts';
import type { RequestContext } from './access-log.ts';

/** `host`, `host:port` (RFC 3986, section 3.2.2), in what URLs take of it. */
const HOST = /^(?:\[[\da-f:.]+\]|[\w.~!$&'()*+,;=%-]+)(?::\d*)?$/i;

/** Refuses a Host header that names no host; HTTP/1.0, as load balancers still speak it, needs none. */
export const checkHost: MiddlewareHandler<RequestContext> = async (context, next) => {
  const host = context.req.header('host');
  if (host === undefined && context.env.incoming.httpVersion === '1.1') {
    throw new VserveError('invalid_request', 'The request has no Host header, which HTTP/1.1 asks for.');
  }
  if (host !== undefined && host !== '' && hostNameOf(host) === undefined) {
    throw new VserveError('invalid_request', 'The Host header of the request names no host.');
  }
  await next();
};

/** The host name of a Host header, lower-case, an IPv6 address in brackets; undefined where it names none. */
export function hostNameOf(host: string): string | undefined {
  if (!HOST.test(host) || !URL.canParse(`http://${host}/`)) return undefined;
  return new URL(`http://${host}/`).hostname;
}
