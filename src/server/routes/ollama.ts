import type { MiddlewareHandler } from 'hono';
import { Hono } from 'hono';
import type { ServedModel } from '../../api/index.ts';
import type { OllamaEmbedRequest } from '../../api/ollama/index.ts';
import {
  EMBED_SCHEMAS,
  EMBEDDINGS_SCHEMAS,
  embedJson,
  ollamaChatFormat,
  ollamaErrors as errors,
  ollamaGenerateFormat,
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
import { VserveError } from '../../errors/index.ts';
import type { RequestContext } from '../access-log.ts';
import { chosenModel } from '../chosen-model.ts';
import { embedAll } from '../embed.ts';
import type { GenerationRouteOptions } from '../generation-route.ts';
import { generationRoute } from '../generation-route.ts';
import type { JsonCall } from '../json-route.ts';
import { jsonRoute } from '../json-route.ts';
import { describeFormat, describeRead, describeRefusal } from '../openapi/describe.ts';

/** The version of Ollama whose API this is: clients refuse servers that are too old for what they use. */
const OLLAMA_VERSION = '0.12.11';

/** Routes that change which models there are. Here there is one, chosen when the server starts. */
const MANAGEMENT = [
  ['POST', '/api/push'],
  ['POST', '/api/create'],
  ['POST', '/api/copy'],
  ['DELETE', '/api/delete'],
  ['POST', '/api/blobs/:id'],
] as const;

/** Ollama's API. */
export function ollamaRoutes(served: ServedModel, options: GenerationRouteOptions): Hono<RequestContext> {
  const routes = new Hono<RequestContext>();
  routes.use('/', greet);
  const chat = ollamaChatFormat(served);
  const generate = ollamaGenerateFormat(served);
  routes.post('/api/chat', describeFormat(chat.schemas, chat), generationRoute(chat, options));
  routes.post('/api/generate', describeFormat(generate.schemas, generate), generationRoute(generate, options));
  routes.get('/api/version', describeRead('The version of the API', versionSchema, { errors }), (context) =>
    context.json({ version: OLLAMA_VERSION, vserve: options.version }),
  );
  routes.get('/api/tags', describeRead('List the model, as Ollama does', tagsSchema, { errors }), (context) =>
    context.json(tagsJson(served, ...(options.adapters?.list(served) ?? []))),
  );
  routes.get('/api/ps', describeRead('List what is loaded', runningSchema, { errors }), (context) =>
    context.json(runningJson(served)),
  );
  routes.post(
    '/api/show',
    describeFormat(showSchemas(served.name), { errors }),
    jsonRoute(options, ({ body, read }) => {
      const { servedModelName } = chosenModel(readModelName(body, read, served), options);
      return Promise.resolve(showJson({ ...served, name: servedModelName }));
    }),
  );
  routes.post(
    '/api/pull',
    describeFormat(pullSchemas(served.name), { errors }),
    jsonRoute(options, ({ body, read }) => {
      if (readModelName(body, read, served) !== served.name) throw unmanaged(served.name);
      // It is there already.
      return Promise.resolve({ status: 'success' });
    }),
  );
  routes.post(
    '/api/embed',
    describeFormat(EMBED_SCHEMAS, { errors }),
    jsonRoute(options, (call) => embedded(parseEmbedRequest(call.body, call.read, served), options, call)),
  );
  routes.post(
    '/api/embeddings',
    describeFormat(EMBEDDINGS_SCHEMAS, { errors }),
    jsonRoute(options, async (call) => {
      const { embeddings } = await embedded(parseEmbedRequest(call.body, call.read, served, true), options, call);
      return { embedding: embeddings[0] };
    }),
  );
  for (const [method, path] of MANAGEMENT) {
    routes.on(method, path, describeRefusal('Manage models: there is one, chosen at the start', { errors }), () => {
      throw unmanaged(served.name);
    });
  }
  return routes;
}

async function embedded(request: OllamaEmbedRequest, options: GenerationRouteOptions, call: JsonCall) {
  const startedAtMs = performance.now();
  const chosen = chosenModel(request.model, options);
  const inputs = request.inputs.map((text) => [{ type: 'text' as const, text }]);
  const embeddings = await embedAll(inputs, { cacheSalt: '' }, chosen, call);
  return embedJson(request, embeddings, performance.now() - startedAtMs);
}

/** Clients look whether Ollama is there by asking for `/`. Browsers ask for a page. */
const greet: MiddlewareHandler<RequestContext> = async ({ req, text }, next) => {
  const isAsked = req.method === 'GET' || req.method === 'HEAD';
  if (isAsked && req.header('accept')?.includes('text/html') !== true) return text('Ollama is running');
  await next();
  return undefined;
};

function unmanaged(name: string): VserveError {
  return new VserveError(
    'unsupported_capability',
    `This server has the model ${JSON.stringify(name)} and manages no others. Start one for another model: vserve serve --model org/name`,
  );
}
