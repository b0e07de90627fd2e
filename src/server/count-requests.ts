import type { MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import type { RequestContext } from './access-log.ts';
import type { Metrics } from './metrics.ts';
import { routeName } from './route-name.ts';

/** Counts each answer under its route: a path as it came would make a new line of the metrics for every typing error. */
export function countRequests(metrics: Metrics): MiddlewareHandler<RequestContext> {
  return async (context, next) => {
    await next();
    const route = matchedRoutes(context).find(({ path }) => !path.endsWith('*'));
    const name = route === undefined ? 'other' : routeName(route.path);
    metrics.countRequest(context.res.status, name, context.error);
  };
}
