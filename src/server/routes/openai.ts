import { Hono } from 'hono';
import { chatFormat } from '../../api/chat/index.ts';
import { completionFormat, llamaCompletionFormat } from '../../api/completions/index.ts';
import type { RequestContext } from '../access-log.ts';
import type { GenerationRouteOptions } from '../generation-route.ts';
import { generationRoute } from '../generation-route.ts';
import { describeFormat } from '../openapi/describe.ts';

/** `POST /v1/chat/completions`, `POST /v1/completions`, and llama-server's own `POST /completion`. */
export function openaiRoutes(options: GenerationRouteOptions): Hono<RequestContext> {
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
  const llamaFormat = llamaCompletionFormat(options.model.info);
  routes.post('/completion', describeFormat(llamaFormat.schemas, llamaFormat), generationRoute(llamaFormat, options));
  return routes;
}
