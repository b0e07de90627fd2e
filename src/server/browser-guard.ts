import type { Context, MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';
import { show } from '../api/index.ts';
import { VserveError } from '../errors/index.ts';
import type { RequestContext } from './access-log.ts';
import { isLocal } from './listen-address.ts';
import { OwnHosts } from './own-hosts.ts';
import type { OwnHostsOptions } from './own-hosts.ts';
import { textPattern } from './text-pattern.ts';

const PREFLIGHT_MAX_AGE_S = 600;

export interface BrowserGuardOptions extends OwnHostsOptions {
  /** Origins of web pages that may use the server, such as `http://localhost:3000`; `*` matches any text. */
  readonly allowedOrigins: readonly string[];
}

/**
 * Prevents web pages from using the server through the browser of someone who can reach it. Browsers report which page
 * sends a request (`Origin`, `Sec-Fetch-Site`): it must come from this server or from an allowed origin; the latter may
 * also read the responses (CORS). They also report which host they believe to be talking to (`Host`): a page whose own
 * domain resolves to this server (DNS rebinding) is same-origin, but the name is foreign. Its reads may look like those of
 * any program, so a server that only this machine can reach requires its own name of everyone. Other clients send none of
 * these headers, nor a browser's User-Agent, and are not restricted.
 */
export function browserGuard({ allowedOrigins, ...hosts }: BrowserGuardOptions): MiddlewareHandler<RequestContext> {
  const isAllowed = textPattern(allowedOrigins);
  const ownHosts = new OwnHosts(hosts);
  const isOnlyLocal = hosts.hosts.every(isLocal);
  const answerCors = cors({
    origin: (origin) => origin,
    allowMethods: ['GET', 'HEAD', 'POST', 'DELETE'],
    exposeHeaders: ['x-request-id', 'request-id', 'retry-after', 'openai-processing-ms', '*'],
    maxAge: PREFLIGHT_MAX_AGE_S,
  });
  return async (context, next) => {
    const origin = context.req.header('origin');
    if (origin !== undefined && isAllowed(origin)) return answerCors(context, next);
    if (origin !== undefined) requireOwnOrigin(origin, context.req.header('host'));
    else requireOwnSite(context);
    if (isOfBrowser(context) || (isOnlyLocal && isOverTcp(context))) {
      requireOwnHost(context.req.header('host'), ownHosts);
    }
    if (mayBeOfPage(context)) requirePreflight(context);
    await next();
    return undefined;
  };
}

/** Throws `origin_not_allowed` unless the page comes from the host it sends the request to. */
function requireOwnOrigin(origin: string, host: string | undefined): void {
  // Only the host is compared: TLS may be terminated by a proxy in front of this server.
  if (host !== undefined && /^https?:\/\/(.+)$/i.exec(origin)?.[1]?.toLowerCase() === host.toLowerCase()) return;
  throw new VserveError(
    'origin_not_allowed',
    `The web page at ${show(origin)} may not use this server. To allow it, start the server with --allowed-origin ${show(origin)} (MAX_SERVE_ALLOWED_ORIGINS).`,
  );
}

/**
 * Throws `origin_not_allowed` for cross-site requests without an Origin, such as embedded resources. Links may be
 * followed.
 */
function requireOwnSite({ req }: Context<RequestContext>): void {
  const site = req.header('sec-fetch-site');
  if (site === undefined || site === 'same-origin' || site === 'none') return;
  const isRead = req.method === 'GET' || req.method === 'HEAD';
  if (isRead && req.header('sec-fetch-mode') === 'navigate' && req.header('sec-fetch-dest') === 'document') return;
  throw new VserveError(
    'origin_not_allowed',
    'Web pages of other sites may not use this server. To allow one, start the server with --allowed-origin (MAX_SERVE_ALLOWED_ORIGINS).',
  );
}

/** Content types of requests that a page can send anywhere without asking first, by forms for example. */
const SIMPLE_TYPE = /^\s*(?:text\/plain|multipart\/form-data|application\/x-www-form-urlencoded)\s*(?:;|$)/i;

/** Throws `unsupported_media_type` for what a page can send without asking first. */
function requirePreflight({ req }: Context<RequestContext>): void {
  if (['GET', 'HEAD', 'OPTIONS'].includes(req.method)) return;
  const type = req.header('content-type') ?? '';
  if (type !== '' && !SIMPLE_TYPE.test(type)) return;
  const sent = type === '' ? 'without a Content-Type' : `as ${show(type)}`;
  const message = `Any web page could have sent this ${sent}. Send JSON as application/json, and files from a program or a browser that sends Sec-Fetch-Site.`;
  throw new VserveError('unsupported_media_type', message);
}

/** Whether an old browser may have sent a request, which says nothing about the page that it comes from. */
function mayBeOfPage({ req }: Context<RequestContext>): boolean {
  if (req.header('origin') !== undefined || req.header('sec-fetch-site') !== undefined) return false;
  return req.header('user-agent')?.startsWith('Mozilla/') === true || req.header('sec-fetch-dest') !== undefined;
}

/** Browsers cannot connect to Unix sockets. */
function isOverTcp({ env }: Context<RequestContext>): boolean {
  return env.incoming.socket.remoteAddress !== undefined;
}

/**
 * Over plain HTTP, browsers send none of the other headers with the reads of a page of the same origin. `Sec-Fetch-Mode`
 * alone is sent by Node's fetch.
 */
function isOfBrowser({ req }: Context<RequestContext>): boolean {
  if (req.header('user-agent')?.startsWith('Mozilla/') === true) return true;
  return ['origin', 'sec-fetch-site', 'sec-fetch-dest'].some((name) => req.header(name) !== undefined);
}

/** Throws `host_not_allowed` unless the name is known to be this server's. */
function requireOwnHost(host: string | undefined, ownHosts: OwnHosts): void {
  const name = ownHosts.foreignName(host);
  if (name !== undefined) throw foreignHost(name);
}

/** The error of a request for a host name that is not the server's. */
export function foreignHost(name: string): VserveError {
  return new VserveError(
    'host_not_allowed',
    `The host name ${show(name)} is not known to belong to this server. If it does (for example, behind a reverse proxy), start the server with --allowed-host ${name} (MAX_SERVE_ALLOWED_HOSTS).`,
  );
}
