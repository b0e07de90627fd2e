import type { MiddlewareHandler } from 'hono';
import type { RequestContext } from '../access-log.ts';
import { pathOf } from '../access-log.ts';
import { routeOf } from '../matched-route.ts';
import { isHealthPath } from '../routes/health.ts';
import type { RequestTrace } from './request-trace.ts';
import type { Traces } from './traces.ts';

/** Traces every request but the probes of its health, which would be most of them. */
export function traceRequests(traces: Traces): MiddlewareHandler<RequestContext> {
  return async (context, next) => {
    const { method, url } = context.req;
    const trace = isHealthPath(context.req.path) ? undefined : traces.begin(method, context.env.incoming.headers);
    if (trace === undefined) return next();
    const release = trace.hold();
    context.set('trace', trace);
    trace.set({
      'http.request.method': method,
      'url.path': pathOf(url),
      'vserve.request.id': context.get('requestId'),
    });
    try {
      await next();
      const route = routeOf(context);
      if (route !== undefined) trace.rename(`${method} ${route}`);
      trace.set({ 'http.response.status_code': context.res.status, ...(route && { 'http.route': route }) });
      if (context.error !== undefined) trace.fail(context.error);
    } finally {
      release();
    }
  };
}

/** Does a part of the work of a request, as a span of its trace where there is one. */
export function inStep<T>(trace: RequestTrace | undefined, name: string, work: () => Promise<T>): Promise<T> {
  return trace === undefined ? work() : trace.step(name, work);
}
