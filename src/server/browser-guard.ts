import type { Context, MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';
import { show } from '../api/index.ts';
import { VserveError } from '../errors/index.ts';
import type { RequestContext } from './access-log.ts';
import { hostNameOf } from './host-header.ts';
import { OwnHosts } from './own-hosts.ts';
import type { OwnHostsOptions } from './own-hosts.ts';
import { textPattern } from './text-pattern.ts';

const PREFLIGHT_MAX_AGE_S = 600;

export interface BrowserGuardOptions extends OwnHostsOptions {
  /** Origins of web pages that may use the server, as `http://localhost:3000`; `*` stands for any text. */
  readonly allowedOrigins: readonly string[];
}

/**
 * Keeps web pages from using the server through the browser of somebody who can reach it. A browser says which page asks
 * (`Origin`, `Sec-Fetch-Site`): that must be one of the server itself, or of an allowed origin, which is then told that it
 * may read the answers (CORS). And it says which host it believes to talk to: a page that has its own name resolve to this
 * server (DNS rebinding) is of the same origin, but the name is foreign. Clients that are no browsers send no such headers,
 * and nothing is asked of them.
 */
export function browserGuard({ allowedOrigins, ...hosts }: BrowserGuardOptions): MiddlewareHandler<RequestContext> {
  const isAllowed = textPattern(allowedOrigins);
  const ownHosts = new OwnHosts(hosts);
  const answerCors = cors({
    origin: (origin) => origin,
    allowMethods: ['GET', 'HEAD', 'POST'],
    exposeHeaders: ['x-request-id', 'retry-after'],
    maxAge: PREFLIGHT_MAX_AGE_S,
  });
  return async (context, next) => {
    const origin = context.req.header('origin');
    if (origin !== undefined && isAllowed(origin)) return answerCors(context, next);
    if (origin !== undefined) requireOwnOrigin(origin, context.req.header('host'));
    else requireOwnSite(context);
    if (isOfBrowser(context)) requireOwnHost(context.req.header('host'), ownHosts);
    await next();
    return undefined;
  };
}

/** Throws `origin_not_allowed` for a page of another host than the one that it asks. */
function requireOwnOrigin(origin: string, host: string | undefined): void {
  // The scheme may differ: a proxy in front of this server may be the one that speaks TLS.
  if (host !== undefined && /^https?:\/\/(.+)$/i.exec(origin)?.[1]?.toLowerCase() === host.toLowerCase()) return;
  throw new VserveError(
    'origin_not_allowed',
    `The web page at ${show(origin)} may not use this server. To let it, start the server with --allowed-origin ${show(origin)} (MAX_SERVE_ALLOWED_ORIGINS).`,
  );
}

/** Throws `origin_not_allowed` for what another page embeds. Its links may be followed. */
function requireOwnSite({ req }: Context<RequestContext>): void {
  const site = req.header('sec-fetch-site');
  if (site === undefined || site === 'same-origin' || site === 'none') return;
  const isRead = req.method === 'GET' || req.method === 'HEAD';
  if (isRead && req.header('sec-fetch-mode') === 'navigate' && req.header('sec-fetch-dest') === 'document') return;
  throw new VserveError(
    'origin_not_allowed',
    'Web pages of other sites may not use this server. To let one, start the server with --allowed-origin (MAX_SERVE_ALLOWED_ORIGINS).',
  );
}

function isOfBrowser({ req }: Context<RequestContext>): boolean {
  return ['origin', 'sec-fetch-site', 'sec-fetch-mode', 'sec-fetch-dest'].some(
    (name) => req.header(name) !== undefined,
  );
}

/** Throws `host_not_allowed` for a name that is not known to be this server's. */
function requireOwnHost(host: string | undefined, ownHosts: OwnHosts): void {
  const name = hostNameOf(host ?? '');
  if (name === undefined || ownHosts.has(name)) return;
  throw new VserveError(
    'host_not_allowed',
    `This server does not know the host name ${show(name)} as its own. If it is, as behind a proxy, start the server with --allowed-host ${name} (MAX_SERVE_ALLOWED_HOSTS).`,
  );
}
