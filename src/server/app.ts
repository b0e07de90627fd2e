import { Hono } from 'hono';
import { VserveError } from '../errors/index.ts';
import type { RequestContext } from './access-log.ts';
import { accessLog } from './access-log.ts';
import { errorResponse } from './error-response.ts';
import type { ChatRouteOptions } from './routes/chat-completions.ts';
import { chatRoutes } from './routes/chat-completions.ts';
import { healthRoutes } from './routes/health.ts';
import { modelRoutes } from './routes/models.ts';

/** The HTTP interface of a loaded model, without a socket. */
export function createApp(options: ChatRouteOptions): Hono<RequestContext> {
  const app = new Hono<RequestContext>();
  app.use(accessLog(options.log));
  app.route('/', chatRoutes(options));
  app.route('/', modelRoutes(options.servedModelName));
  app.route('/', healthRoutes(options.version));
  const methods = new Map<string, string>();
  for (const { method, path } of app.routes.filter((route) => route.method !== 'ALL')) methods.set(path, method);
  for (const [path, method] of methods) {
    app.all(path, () => {
      throw new VserveError('method_not_allowed', `${path.replace(/:id.*/, '{id}')} takes ${method} only.`);
    });
  }
  app.notFound((context) => errorResponse(noRoute(context.req.method, context.req.path)));
  app.onError((error) => errorResponse(error));
  return app;
}

function noRoute(method: string, path: string): VserveError {
  return new VserveError(
    'route_not_found',
    `There is no ${method} ${path} here. Chat completions are at POST /v1/chat/completions.`,
  );
}
