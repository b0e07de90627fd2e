import { Hono } from 'hono';
import { chatFormat } from '../../api/chat/index.ts';
import { completionFormat, LLAMA_COMPLETION } from '../../api/completions/index.ts';
import type { RequestContext } from '../access-log.ts';
import { generationRoute } from '../generation-route.ts';
import { describeFormat } from '../openapi/describe.ts';
import type { RouteOptions } from '../route-options.ts';

/** `POST /v1/chat/completions`, `POST /v1/completions`, and llama-server's own `POST /completion`. */
export function openaiRoutes(options: RouteOptions): Hono<RequestContext> {
  const routes = new Hono<RequestContext>();
  routes.post(
    '/v1/chat/completions',
    describeFormat(chatFormat.schemas, chatFormat),
    generationRoute(chatFormat, options),
  );
  routes.post(
    '/v1/completions',
    describeFormat(completionFormat.schemas, completionFormat),
    generationRoute(completionFormat, options),
  );
  routes.post(
    '/completion',
    describeFormat(LLAMA_COMPLETION.schemas, LLAMA_COMPLETION),
    generationRoute(LLAMA_COMPLETION, options),
  );
  return routes;
}
