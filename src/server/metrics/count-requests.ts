import type { MiddlewareHandler } from 'hono';
import type { RequestContext } from '../access-log.ts';
import type { Metrics } from './metrics.ts';
import { routeOf } from '../matched-route.ts';

/** Counts each response by route. Counting by raw path would add a time series for every mistyped URL. */
export function countRequests(metrics: Metrics): MiddlewareHandler<RequestContext> {
  return async (context, next) => {
    await next();
    metrics.countRequest(context.res.status, routeOf(context) ?? 'other', context.error);
  };
}
