import { Hono } from 'hono';
import type { LoadedModel } from '../../backend/index.ts';
import { VserveError } from '../../errors/index.ts';
import { describeAction } from '../openapi/describe.ts';

/** `POST /reset_prefix_cache`: drops what finished requests left in the KV cache. */
export function prefixCacheRoutes(model: LoadedModel): Hono {
  const routes = new Hono();
  routes.post('/reset_prefix_cache', describeAction('Drop what finished requests left in the KV cache'), (context) => {
    if (model.resetPrefixCache === undefined) {
      throw new VserveError('unsupported_capability', 'This backend has no prefix cache.');
    }
    model.resetPrefixCache();
    return context.body(null, 200);
  });
  return routes;
}
