import type { MiddlewareHandler } from 'hono';
import { Hono } from 'hono';
import type { OllamaEmbedRequest } from '../../api/ollama/index.ts';
import {
  EMBED_SCHEMAS,
  EMBEDDINGS_SCHEMAS,
  embedJson,
  OLLAMA_CHAT,
  OLLAMA_GENERATE,
  ollamaErrors as errors,
  parseEmbedRequest,
  pullSchemas,
  readModelName,
  runningJson,
  runningSchema,
  showSchemas,
  showJson,
  tagsJson,
  tagsSchema,
  versionSchema,
} from '../../api/ollama/index.ts';
import type { RequestContext } from '../access-log.ts';
import type { ApiKeys } from '../api-keys.ts';
import { bodyRoute } from '../body-route.ts';
import { checkModel } from '../check-request.ts';
import { embedAll } from '../embed.ts';
import { generationRoute } from '../generation-route.ts';
import type { JsonCall } from '../json-route.ts';
import { jsonRoute } from '../json-route.ts';
import { listedModels } from '../models/model-states.ts';
import { describeFormat, describeRead, describeRefusal } from '../openapi/describe.ts';
import type { GenerationRouteOptions, RouteOptions } from '../route-options.ts';
import { listedNamed } from './models.ts';
import { pullRoute, unmanaged } from './pull-model.ts';

/** The version of Ollama whose API this is: clients refuse servers that are too old for what they use. */
const OLLAMA_VERSION = '0.12.11';

/** Routes that change which models there are. Here they are chosen when the server starts. */
const MANAGEMENT = [
  ['POST', '/api/push'],
  ['POST', '/api/create'],
  ['POST', '/api/copy'],
  ['DELETE', '/api/delete'],
  ['POST', '/api/blobs/:id'],
] as const;

/** Ollama's API. */
export function ollamaRoutes(options: RouteOptions, keys: ApiKeys): Hono<RequestContext> {
  const { models } = options;
  const example = models.entries[0]?.name ?? '';
  const routes = new Hono<RequestContext>();
  routes.use('/', greet);
  routes.post('/api/chat', describeFormat(OLLAMA_CHAT.schemas, OLLAMA_CHAT), generationRoute(OLLAMA_CHAT, options));
  routes.post(
    '/api/generate',
    describeFormat(OLLAMA_GENERATE.schemas, OLLAMA_GENERATE),
    generationRoute(OLLAMA_GENERATE, options),
  );
  routes.get('/api/version', describeRead('The version of the API', versionSchema, { errors }), (context) =>
    context.json({ version: OLLAMA_VERSION, vserve: options.version }),
  );
  routes.get('/api/tags', describeRead('List the models, as Ollama does', tagsSchema, { errors }), (context) =>
    context.json(tagsJson(listedModels(models))),
  );
  routes.get('/api/ps', describeRead('List what is loaded', runningSchema, { errors }), (context) =>
    context.json(runningJson(listedModels(models))),
  );
  routes.post(
    '/api/show',
    describeFormat(showSchemas(example), { errors }),
    bodyRoute(options, ({ body, read }) => {
      const [only, ...others] = models.entries;
      const name = readModelName(body, read, others.length === 0 ? only?.name : undefined);
      return showJson(listedNamed(models, models.isManaged ? name : name.replace(/:latest$/, '')));
    }),
  );
  routes.post('/api/pull', describeFormat(pullSchemas(example), { errors }), pullRoute(options, keys));
  routes.post(
    '/api/embed',
    describeFormat(EMBED_SCHEMAS, { errors }),
    jsonRoute(options, (call, own) => embedded(parseEmbedRequest(call.body, call.read, own.served), own, call)),
  );
  routes.post(
    '/api/embeddings',
    describeFormat(EMBEDDINGS_SCHEMAS, { errors }),
    jsonRoute(options, async (call, own) => {
      const { embeddings } = await embedded(parseEmbedRequest(call.body, call.read, own.served, true), own, call);
      return { embedding: embeddings[0] };
    }),
  );
  for (const [method, path] of MANAGEMENT) {
    routes.on(method, path, describeRefusal('Manage models: they are chosen at the start', { errors }), () => {
      throw unmanaged(models.entries.map(({ name }) => name));
    });
  }
  return routes;
}

async function embedded(request: OllamaEmbedRequest, options: GenerationRouteOptions, call: JsonCall) {
  const startedAtMs = performance.now();
  checkModel(request.model, options);
  const inputs = request.inputs.map((text) => [{ type: 'text' as const, text }]);
  const embeddings = await embedAll(inputs, { cacheSalt: '' }, options, call);
  return embedJson(request, embeddings, performance.now() - startedAtMs);
}

/** Clients look whether Ollama is there by asking for `/`. Browsers ask for a page. */
const greet: MiddlewareHandler<RequestContext> = async ({ req, text }, next) => {
  const isAsked = req.method === 'GET' || req.method === 'HEAD';
  if (isAsked && req.header('accept')?.includes('text/html') !== true) return text('Ollama is running');
  await next();
  return undefined;
};
