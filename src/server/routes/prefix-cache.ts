import { Hono } from 'hono';
import { VserveError } from '../../errors/index.ts';
import { describeAction } from '../openapi/describe.ts';
import type { RouteOptions } from '../route-options.ts';

/** `POST /reset_prefix_cache`: drops what finished requests left in the KV caches of all models in memory. */
export function prefixCacheRoutes({ models }: Pick<RouteOptions, 'models'>): Hono {
  const routes = new Hono();
  routes.post('/reset_prefix_cache', describeAction('Drop what finished requests left in the KV cache'), (context) => {
    for (const { model } of models.active) {
      if (model.resetPrefixCache === undefined) {
        throw new VserveError('unsupported_capability', 'This backend has no prefix cache.');
      }
      model.resetPrefixCache();
    }
    return context.body(null, 200);
  });
  return routes;
}
