import type { Context, Next } from 'hono';
import { Hono } from 'hono';
import {
  COUNT_SCHEMAS,
  messagesErrors,
  messagesFormat,
  messagesModelJson,
  messagesModelList,
  parseCountRequest,
  tokenCountJson,
} from '../../api/messages/index.ts';
import type { ListedModel } from '../../api/index.ts';
import type { RequestContext } from '../access-log.ts';
import { isForAnthropic } from '../error-formats.ts';
import { countTokens } from '../count-tokens.ts';
import { generationRoute } from '../generation-route.ts';
import { jsonRoute } from '../json-route.ts';
import { listedModels } from '../models/model-states.ts';
import { describeFormat } from '../openapi/describe.ts';
import type { RouteOptions } from '../route-options.ts';
import { listedNamed } from './models.ts';

/**
 * Anthropic's `POST /v1/messages` and `POST /v1/messages/count_tokens`, and its forms of `GET /v1/models` and
 * `GET /v1/models/{id}` for clients that speak its API. Must be mounted before the other forms of these two.
 */
export function messagesRoutes(options: RouteOptions): Hono<RequestContext> {
  const { models } = options;
  const routes = new Hono<RequestContext>();
  routes.post(
    '/v1/messages',
    describeFormat(messagesFormat.schemas, messagesFormat),
    generationRoute(messagesFormat, options),
  );
  routes.post(
    '/v1/messages/count_tokens',
    describeFormat(COUNT_SCHEMAS, { errors: messagesErrors }),
    jsonRoute(options, async (call, own) =>
      tokenCountJson(await countTokens(parseCountRequest(call.body, call.read), own, call)),
    ),
  );
  routes.get('/v1/models', (context, next) =>
    answerAnthropic(context, next, () => messagesModelList(listedModels(models).map(toJson))),
  );
  routes.get('/v1/models/:id{.+}', (context, next) =>
    answerAnthropic(context, next, () => toJson(listedNamed(models, context.req.param('id')))),
  );
  return routes;
}

/** Of one that was never loaded, nothing is known. */
const UNKNOWN = { contextLength: 0, capabilities: { vision: false } } as const;

function toJson({ name, info, since }: ListedModel) {
  return messagesModelJson(name, info ?? UNKNOWN, Math.floor(since.getTime() / 1000));
}

async function answerAnthropic(context: Context, next: Next, answer: () => object): Promise<Response | undefined> {
  if (isForAnthropic(context.req.raw.headers)) return context.json(answer());
  await next();
  return undefined;
}
