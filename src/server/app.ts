import { Hono } from 'hono';
import { VserveError } from '../errors/index.ts';
import type { Log, RequestContext } from './access-log.ts';
import { accessLog, pathOf } from './access-log.ts';
import type { ApiKeys } from './api-keys.ts';
import { browserGuard } from './browser-guard.ts';
import { errorResponse } from './error-response.ts';
import type { ApiType, ServerSettings } from './server-settings.ts';
import { checkHost } from './host-header.ts';
import { linger } from './linger.ts';
import { countRequests } from './count-requests.ts';
import { errorFormatOf } from './error-formats.ts';
import type { GenerationRouteOptions } from './generation-route.ts';
import type { Metrics } from './metrics.ts';
import { requireKey } from './require-key.ts';
import { openaiRoutes } from './routes/openai.ts';
import { routedPath } from './request-target.ts';
import { routeName } from './route-name.ts';
import { healthRoutes } from './routes/health.ts';
import { modelRoutes } from './routes/models.ts';
import { prefixCacheRoutes } from './routes/prefix-cache.ts';
import type { ServerState } from './server-state.ts';
import { trustProxies } from './trusted-proxies.ts';

/** What applies to every request, also while the model is loading. */
export interface CommonOptions {
  /** What the server listens on, as given to `--host`. */
  readonly hosts: readonly string[];
  readonly settings: ServerSettings;
  readonly version: string;
  readonly keys: ApiKeys;
  readonly state: ServerState;
  readonly metrics: Metrics;
  readonly log: Log;
}

export type AppOptions = CommonOptions & GenerationRouteOptions;

/** The HTTP interface of a loaded model, independent of any socket. */
export function createApp(options: AppOptions): Hono<RequestContext> {
  const serves = (type: ApiType): boolean => options.settings.apiTypes.includes(type);
  const app = createCommonApp(options);
  if (serves('openai')) app.route('/', openaiRoutes(options));
  app.route('/', modelRoutes(options.servedModelName, options.model.info));
  app.route('/', prefixCacheRoutes(options.model));
  answerOtherMethods(app);
  app.notFound(({ req }) => errorResponse(noRoute(req.method, pathOf(req.url)), errorFormatOf(pathOf(req.url))));
  return app;
}

/** The HTTP interface before the model is loaded: health, and 503 for everything else. */
export function createLoadingApp(options: CommonOptions): Hono<RequestContext> {
  const app = createCommonApp(options);
  app.all('*', () => {
    throw options.state.loadingError;
  });
  return app;
}

function createCommonApp({ hosts, settings, version, keys, state, metrics, log }: CommonOptions): Hono<RequestContext> {
  const app = new Hono<RequestContext>({ getPath: ({ url }) => routedPath(url) });
  app.use(accessLog(log), countRequests(metrics), linger, checkHost);
  app.use(browserGuard({ ...settings, hosts }));
  if (settings.trustedProxies.length > 0) app.use(trustProxies(settings.trustedProxies));
  app.use(requireKey(keys));
  app.route('/', healthRoutes(version, state));
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
