import { Hono } from 'hono';
import { VserveError } from '../errors/index.ts';
import type { RequestContext } from './access-log.ts';
import { accessLog, pathOf } from './access-log.ts';
import { errorResponse } from './error-response.ts';
import { linger } from './linger.ts';
import { countRequests } from './count-requests.ts';
import type { Metrics } from './metrics.ts';
import type { ChatRouteOptions } from './routes/chat-completions.ts';
import { chatRoutes } from './routes/chat-completions.ts';
import { healthRoutes } from './routes/health.ts';
import { modelRoutes } from './routes/models.ts';
import { prefixCacheRoutes } from './routes/prefix-cache.ts';

/** The HTTP interface of a loaded model, without a socket. */
export function createApp(options: ChatRouteOptions & { readonly metrics: Metrics }): Hono<RequestContext> {
  const app = new Hono<RequestContext>();
  app.use(accessLog(options.log), countRequests(options.metrics), linger);
  app.route('/', chatRoutes(options));
  app.route('/', modelRoutes(options.servedModelName, options.model.info));
  app.route('/', healthRoutes(options.version));
  app.route('/', prefixCacheRoutes(options.model));
  const methods = new Map<string, string>();
  for (const { method, path } of app.routes.filter((route) => route.method !== 'ALL')) methods.set(path, method);
  for (const [path, method] of methods) {
    app.all(path, () => {
      const message = `${path.replace(/:id.*/, '{id}')} takes ${method} only.`;
      const response = errorResponse(new VserveError('method_not_allowed', message));
      response.headers.set('allow', method === 'GET' ? 'GET, HEAD' : method);
      return response;
    });
  }
  app.notFound((context) => errorResponse(noRoute(context.req.method, pathOf(context.req.url))));
  app.onError((error) => errorResponse(error));
  return app;
}

function noRoute(method: string, path: string): VserveError {
  return new VserveError(
    'route_not_found',
    `There is no ${method} ${path} here. Chat completions are at POST /v1/chat/completions.`,
  );
}
