import { Hono } from 'hono';
import { messagesFormat, parseCountRequest, tokenCountJson } from '../../api/messages/index.ts';
import type { RequestContext } from '../access-log.ts';
import { countTokens } from '../count-tokens.ts';
import type { GenerationRouteOptions } from '../generation-route.ts';
import { generationRoute } from '../generation-route.ts';
import { jsonRoute } from '../json-route.ts';

/** Anthropic's `POST /v1/messages` and `POST /v1/messages/count_tokens`. */
export function messagesRoutes(options: GenerationRouteOptions): Hono<RequestContext> {
  const routes = new Hono<RequestContext>();
  routes.post('/v1/messages', generationRoute(messagesFormat, options));
  routes.post(
    '/v1/messages/count_tokens',
    jsonRoute(options, async (call) =>
      tokenCountJson(await countTokens(parseCountRequest(call.body, call.read), options, call)),
    ),
  );
  return routes;
}
