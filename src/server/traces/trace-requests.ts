import type { Attributes } from '@opentelemetry/api';
import type { Context, MiddlewareHandler } from 'hono';
import type { RequestContext } from '../access-log.ts';
import { pathOf } from '../access-log.ts';
import { routeOf } from '../matched-route.ts';
import { isHealthPath } from '../routes/health.ts';
import type { RequestTrace } from './request-trace.ts';
import type { Traces } from './traces.ts';

/** Traces every request but the probes of its health, which would be most of them. */
export function traceRequests(traces: Traces): MiddlewareHandler<RequestContext> {
  return async (context, next) => {
    const { method } = context.req;
    const trace = isHealthPath(context.req.path) ? undefined : traces.begin(method, context.env.incoming.headers);
    if (trace === undefined) return next();
    const release = trace.hold();
    context.set('trace', trace);
    trace.set(requestAttributes(context));
    try {
      await next();
      const route = routeOf(context);
      if (route !== undefined) trace.rename(`${method} ${route}`);
      trace.set(responseAttributes(context, route));
      if (context.error !== undefined) trace.fail(context.error);
    } finally {
      release();
    }
  };
}

function requestAttributes({ req, env, get }: Context<RequestContext>): Attributes {
  const attributes: Attributes = {
    'http.request.method': req.method,
    'url.path': pathOf(req.url),
    'vserve.request.id': get('requestId'),
  };
  const bytes = env.incoming.headers['content-length'];
  if (bytes !== undefined) attributes['http.request.body.size'] = Number(bytes);
  return attributes;
}

function responseAttributes({ res, get }: Context<RequestContext>, route: string | undefined): Attributes {
  const attributes: Attributes = { 'http.response.status_code': res.status };
  if (route !== undefined) attributes['http.route'] = route;
  const keyName = get('keyName');
  if (keyName !== undefined) attributes['vserve.api_key.name'] = keyName;
  return attributes;
}

/** Does a part of the work of a request, as a span of its trace where there is one. */
export function inStep<T>(trace: RequestTrace | undefined, name: string, work: () => Promise<T>): Promise<T> {
  return trace === undefined ? work() : trace.step(name, work);
}
