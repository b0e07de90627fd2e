import { Hono } from 'hono';
import { chatFormat } from '../../api/chat/index.ts';
import type { RequestContext } from '../access-log.ts';
import type { GenerationRouteOptions } from '../generation-route.ts';
import { generationRoute } from '../generation-route.ts';

/** `POST /v1/chat/completions`. */
export function openaiRoutes(options: GenerationRouteOptions): Hono<RequestContext> {
  const routes = new Hono<RequestContext>();
  routes.post('/v1/chat/completions', generationRoute(chatFormat, options));
  return routes;
}
