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
import type { RequestContext } from '../access-log.ts';
import { isForAnthropic } from '../error-formats.ts';
import { chosenModel } from '../chosen-model.ts';
import { countTokens } from '../count-tokens.ts';
import type { ModelChoice } from '../chosen-model.ts';
import type { GenerationRouteOptions } from '../generation-route.ts';
import { generationRoute } from '../generation-route.ts';
import { jsonRoute } from '../json-route.ts';
import { describeFormat } from '../openapi/describe.ts';

/**
 * Anthropic's `POST /v1/messages` and `POST /v1/messages/count_tokens`, and its forms of `GET /v1/models` and
 * `GET /v1/models/{id}` for clients that speak its API. Must be mounted before the other forms of these two.
 */
export function messagesRoutes(options: GenerationRouteOptions): Hono<RequestContext> {
  const since = Math.floor(Date.now() / 1000);
  const modelJson = ({ servedModelName, model }: ModelChoice) => messagesModelJson(servedModelName, model.info, since);
  const adapters = () => (options.adapters?.names ?? []).map((name) => modelJson(chosenModel(name, options)));
  const routes = new Hono<RequestContext>();
  routes.post(
    '/v1/messages',
    describeFormat(messagesFormat.schemas, messagesFormat),
    generationRoute(messagesFormat, options),
  );
  routes.post(
    '/v1/messages/count_tokens',
    describeFormat(COUNT_SCHEMAS, { errors: messagesErrors }),
    jsonRoute(options, async (call) =>
      tokenCountJson(await countTokens(parseCountRequest(call.body, call.read), options, call)),
    ),
  );
  routes.get('/v1/models', (context, next) =>
    answerAnthropic(context, next, () => messagesModelList(modelJson(options), ...adapters())),
  );
  routes.get('/v1/models/:id{.+}', (context, next) =>
    answerAnthropic(context, next, () => modelJson(chosenModel(context.req.param('id'), options))),
  );
  return routes;
}

async function answerAnthropic(context: Context, next: Next, answer: () => object): Promise<Response | undefined> {
  if (isForAnthropic(context.req.raw.headers)) return context.json(answer());
  await next();
  return undefined;
}
