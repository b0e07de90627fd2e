import { Hono } from 'hono';
import type { Context } from 'hono';
import { VserveError } from '../errors/index.ts';
import type { Log, RequestContext } from './access-log.ts';
import { accessLog, pathOf } from './access-log.ts';
import type { ApiKeys } from './api-keys.ts';
import { browserGuard } from './browser-guard.ts';
import { errorResponse } from './error-response.ts';
import type { ApiType, ServerSettings } from './server-settings.ts';
import { checkHost } from './host-header.ts';
import { linger } from './linger.ts';
import { countRequests } from './metrics/count-requests.ts';
import { errorFormatOf, isForAnthropic } from './error-formats.ts';
import { foreignRouteAdvice } from './foreign-routes.ts';
import { messagesErrors } from '../api/messages/index.ts';
import { apiPageRoutes } from './openapi/api-page.ts';
import { addDescription } from './openapi/openapi.ts';
import { ollamaRoutes } from './routes/ollama.ts';
import type { Metrics } from './metrics/metrics.ts';
import { playgroundRoutes } from './playground/playground-routes.ts';
import { requireKey } from './require-key.ts';
import { openaiRoutes } from './routes/openai.ts';
import { messagesRoutes } from './routes/messages.ts';
import { responseHeaders } from './response-headers.ts';
import type { RouteOptions } from './route-options.ts';
import { routeName, RoutePaths } from './route-paths.ts';
import { responsesRoutes } from './routes/responses.ts';
import { adapterRoutes } from './routes/adapters.ts';
import { embeddingRoutes } from './routes/embeddings.ts';
import { fileRoutes } from './routes/files.ts';
import { healthRoutes } from './routes/health.ts';
import { manageRoutes } from './routes/manage-models.ts';
import { modelRoutes } from './routes/models.ts';
import { prefixCacheRoutes } from './routes/prefix-cache.ts';
import { propsRoutes } from './routes/props.ts';
import { sagemakerRoutes } from './routes/sagemaker.ts';
import { slotRoutes } from './routes/slots.ts';
import { tokenRoutes } from './routes/tokens.ts';
import type { RunningRequests } from './running-requests.ts';
import type { ServerState } from './server-state.ts';
import { traceRequests } from './traces/trace-requests.ts';
import type { Traces } from './traces/traces.ts';
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
  /** Undefined if requests are not traced. */
  readonly traces?: Traces | undefined;
  readonly running: RunningRequests;
  readonly log: Log;
}

export type AppOptions = CommonOptions & RouteOptions;

/** The HTTP interface of the models of a server, independent of any socket. */
export function createApp(options: AppOptions): Hono<RequestContext> {
  const serves = (type: ApiType): boolean => options.settings.apiTypes.includes(type);
  const paths = new RoutePaths();
  const app = createCommonApp(options, paths);
  if (serves('openai')) app.route('/', openaiRoutes(options));
  if (serves('openai')) app.route('/', tokenRoutes(options));
  if (serves('openai')) app.route('/', embeddingRoutes(options));
  if (serves('responses')) app.route('/', responsesRoutes(options));
  if (serves('anthropic')) app.route('/', messagesRoutes(options));
  if (serves('openai') || serves('responses') || serves('anthropic')) {
    app.route('/', fileRoutes(options, { alsoForAnthropic: serves('anthropic') }));
  }
  if (serves('ollama')) app.route('/', ollamaRoutes(options, options.keys));
  if (serves('sagemaker')) app.route('/', sagemakerRoutes(options));
  app.route('/', modelRoutes(options.models, { alsoForAnthropic: serves('anthropic') }));
  app.route('/', adapterRoutes(options, options.keys));
  app.route('/', propsRoutes(options));
  app.route('/', slotRoutes(options));
  app.route('/', prefixCacheRoutes(options));
  if (options.models.isManaged) app.route('/', manageRoutes(options, options.keys));
  app.route('/', apiPageRoutes());
  addDescription(app, options.version, options.keys);
  paths.add(app.routes);
  answerOtherMethods(app, paths);
  app.notFound((context) => answerError(noRoute(context.req.method, pathOf(context.req.url), paths), context));
  return app;
}

/** The HTTP interface before the model is loaded: health, and 503 for everything else. */
export function createLoadingApp(options: CommonOptions): Hono<RequestContext> {
  const paths = new RoutePaths();
  const app = createCommonApp(options, paths);
  paths.add(app.routes);
  app.all('*', () => {
    throw options.state.loadingError;
  });
  return app;
}

/** `paths` are to be filled with the routes. */
function createCommonApp(options: CommonOptions, paths: RoutePaths): Hono<RequestContext> {
  const { hosts, settings, version, keys, state, metrics, traces, running, log } = options;
  const app = new Hono<RequestContext>({ getPath: ({ url }) => paths.resolve(pathOf(url)) });
  app.use(accessLog(log, running));
  if (traces !== undefined) app.use(traceRequests(traces));
  app.use(responseHeaders, countRequests(metrics), linger, checkHost);
  app.use(browserGuard({ ...settings, hosts }));
  if (settings.trustedProxies.length > 0) app.use(trustProxies(settings.trustedProxies));
  if (settings.playground) app.route('/', playgroundRoutes());
  app.use(requireKey(keys));
  app.route('/', healthRoutes(version, state));
  app.onError(answerError);
  return app;
}

/** In the envelope of the path, or of the client. */
function answerError(error: Error, { req, var: { requestId } }: Context<RequestContext>): Response {
  return errorResponse(error, isForAnthropic(req.raw.headers) ? messagesErrors : errorFormatOf(req.path), requestId);
}

/** Answers methods that a route does not support: 405 with the allowed ones, or 204 for OPTIONS. */
function answerOtherMethods(app: Hono<RequestContext>, paths: RoutePaths): void {
  for (const { path, methods } of paths.all) {
    const allow = [...methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])), 'OPTIONS'].join(
      ', ',
    );
    app.options(path, () => new Response(null, { status: 204, headers: { allow } }));
    app.all(path, (context) => {
      const message = `${routeName(path)} takes ${methods.join(' and ')} only.`;
      const error = new VserveError('method_not_allowed', message);
      const response = errorResponse(error, errorFormatOf(path), context.get('requestId'));
      response.headers.set('allow', allow);
      return response;
    });
  }
  // Some load balancers use OPTIONS / as their health check.
  app.options('/', () => new Response(null, { status: 204, headers: { allow: 'GET, HEAD, POST, OPTIONS' } }));
}

function noRoute(method: string, path: string, paths: RoutePaths): VserveError {
  const advice = foreignRouteAdvice(path.replace(/(?<=.)\/$/, '')) ?? nearestRoute(paths.nearest(path));
  return new VserveError('route_not_found', `There is no ${method} ${path} here. ${advice}`);
}

function nearestRoute(nearest: string | undefined): string {
  if (nearest === undefined) return 'Chat completions are at POST /v1/chat/completions.';
  return `The nearest route is ${nearest}.`;
}
