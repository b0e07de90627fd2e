import type { MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import type { RequestContext } from './access-log.ts';
import type { Metrics } from './metrics.ts';
import { routeName } from './route-paths.ts';

/** Counts each response by route. Counting by raw path would add a time series for every mistyped URL. */
export function countRequests(metrics: Metrics): MiddlewareHandler<RequestContext> {
  return async (context, next) => {
    await next();
    const route = matchedRoutes(context).find(({ path }) => !path.endsWith('*'));
    const name = route === undefined ? 'other' : routeName(route.path);
    metrics.countRequest(context.res.status, name, context.error);
  };
}
