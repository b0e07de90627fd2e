import { Hono } from 'hono';
import { chatFormat } from '../../api/chat/index.ts';
import { completionFormat } from '../../api/completions/index.ts';
import type { RequestContext } from '../access-log.ts';
import type { GenerationRouteOptions } from '../generation-route.ts';
import { generationRoute } from '../generation-route.ts';

/** `POST /v1/chat/completions`, `POST /v1/completions`. */
export function openaiRoutes(options: GenerationRouteOptions): Hono<RequestContext> {
  const routes = new Hono<RequestContext>();
  routes.post('/v1/chat/completions', generationRoute(chatFormat, options));
  routes.post('/v1/completions', generationRoute(completionFormat, options));
  return routes;
}
