import { Hono } from 'hono';
import { VserveError } from '../errors/index.ts';
import type { RequestContext } from './access-log.ts';
import { accessLog, pathOf } from './access-log.ts';
import { browserGuard } from './browser-guard.ts';
import { errorResponse } from './error-response.ts';
import type { ApiType } from './server-settings.ts';
import { checkHost } from './host-header.ts';
import { linger } from './linger.ts';
import { countRequests } from './count-requests.ts';
import { errorFormatOf } from './error-formats.ts';
import type { GenerationRouteOptions } from './generation-route.ts';
import { openaiRoutes } from './routes/openai.ts';
import { routedPath } from './request-target.ts';
import { routeName } from './route-name.ts';
import { embeddingRoutes } from './routes/embeddings.ts';
import { healthRoutes } from './routes/health.ts';
import { modelRoutes } from './routes/models.ts';
import { prefixCacheRoutes } from './routes/prefix-cache.ts';
import { tokenRoutes } from './routes/tokens.ts';

export interface AppOptions extends GenerationRouteOptions {
  /** The address or name the server listens on. */
  readonly host: string;
}

/** The HTTP interface of a loaded model, independent of any socket. */
export function createApp(options: AppOptions): Hono<RequestContext> {
  const serves = (type: ApiType): boolean => options.settings.apiTypes.includes(type);
  const app = new Hono<RequestContext>({ getPath: ({ url }) => routedPath(url) });
  app.use(accessLog(options.log), countRequests(options.metrics), linger, checkHost);
  app.use(browserGuard({ ...options.settings, host: options.host }));
  if (serves('openai')) app.route('/', openaiRoutes(options));
  if (serves('openai')) app.route('/', tokenRoutes(options));
  if (serves('openai')) app.route('/', embeddingRoutes(options));
  app.route('/', modelRoutes(options.servedModelName, options.model.info));
  app.route('/', healthRoutes(options.version));
  app.route('/', prefixCacheRoutes(options.model));
  answerOtherMethods(app);
  app.notFound(({ req }) => errorResponse(noRoute(req.method, pathOf(req.url)), errorFormatOf(pathOf(req.url))));
  app.onError((error, { req }) => errorResponse(error, errorFormatOf(pathOf(req.url))));
  return app;
}

/** Answers methods that a route does not support: 405 with the allowed ones, or 204 for OPTIONS. */
function answerOtherMethods(app: Hono<RequestContext>): void {
  const methods = new Map<string, string>();
  for (const { method, path } of app.routes.filter((route) => route.method !== 'ALL')) methods.set(path, method);
  for (const [path, method] of methods) {
    const allow = method === 'GET' ? 'GET, HEAD, OPTIONS' : `${method}, OPTIONS`;
    app.options(path, () => new Response(null, { status: 204, headers: { allow } }));
    app.all(path, () => {
      const response = errorResponse(
        new VserveError('method_not_allowed', `${routeName(path)} takes ${method} only.`),
        errorFormatOf(path),
      );
      response.headers.set('allow', allow);
      return response;
    });
  }
  // Some load balancers use OPTIONS / as their health check.
  app.options('/', () => new Response(null, { status: 204, headers: { allow: 'GET, HEAD, POST, OPTIONS' } }));
}

function noRoute(method: string, path: string): VserveError {
  return new VserveError(
    'route_not_found',
    `There is no ${method} ${path} here. Chat completions are at POST /v1/chat/completions.`,
  );
}
