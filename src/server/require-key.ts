import type { IncomingMessage } from 'node:http';
import type { MiddlewareHandler } from 'hono';
import { VserveError } from '../errors/index.ts';
import type { RequestContext } from './access-log.ts';
import type { ApiKeys } from './api-keys.ts';
import { knowClient, knownKeyOf } from './client-path.ts';
import { isHealthPath } from './routes/health.ts';

/**
 * Refuses requests without one of the server's API keys, before their bodies are read. Health checks and OPTIONS, which
 * browsers send without it, need none.
 */
export function requireKey(keys: ApiKeys): MiddlewareHandler<RequestContext> {
  return async (context, next) => {
    const { incoming } = context.env;
    if (keys.areRequired && context.req.method !== 'OPTIONS' && !isHealthPath(context.req.path)) {
      const key = keys.find(incoming.headers);
      if (key === undefined) throw noKey(hasKey(incoming.headers));
      if (key.name !== undefined) context.set('keyName', key.name);
      knowClient(incoming, { key });
    }
    await next();
  };
}

/**
 * Refuses to change which models are in memory, unless the request's key may, or the server has no keys. Throws
 * `not_permitted`.
 */
export function requireManager(request: IncomingMessage, keys: ApiKeys): void {
  if (!keys.areRequired || knownKeyOf(request)?.mayManage === true) return;
  const message = 'This API key may not manage models: its line in the file of --api-key-file needs may-manage.';
  throw new VserveError('not_permitted', message);
}

/** The same for what fills the disk: a server without keys lets nobody. Throws `not_permitted`. */
export function requirePuller(request: IncomingMessage, keys: ApiKeys): void {
  requireManager(request, keys);
  if (keys.areRequired) return;
  const message =
    'Models are added for API keys that may: start the server with --api-key-file, and may-manage in the line of a key.';
  throw new VserveError('not_permitted', message);
}

/** Lets only those pass who may manage models. */
export function managersOnly(keys: ApiKeys): MiddlewareHandler<RequestContext> {
  return async ({ env }, next) => {
    requireManager(env.incoming, keys);
    await next();
  };
}

/** Whether a request has any key. */
export function hasKey(headers: { authorization?: string | undefined; 'x-api-key'?: unknown }): boolean {
  return headers.authorization !== undefined || headers['x-api-key'] !== undefined;
}

/** The error of a request whose key is missing or wrong. */
export function noKey(isGiven: boolean): VserveError {
  const message = isGiven
    ? 'The API key is not one of this server. Check it with whoever runs the server.'
    : 'This server needs an API key. Send it as "Authorization: Bearer <key>" or "x-api-key: <key>".';
  return new VserveError('invalid_api_key', message);
}
