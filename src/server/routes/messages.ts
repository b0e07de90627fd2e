import { Hono } from 'hono';
import { messagesFormat } from '../../api/messages/index.ts';
import type { RequestContext } from '../access-log.ts';
import type { GenerationRouteOptions } from '../generation-route.ts';
import { generationRoute } from '../generation-route.ts';

/** `POST /v1/messages`. */
export function messagesRoutes(options: GenerationRouteOptions): Hono<RequestContext> {
  const routes = new Hono<RequestContext>();
  routes.post('/v1/messages', generationRoute(messagesFormat, options));
  return routes;
}
