import { Hono } from 'hono';

/** `GET /health` and `/v1/health`: an empty 200. `GET /version`: vserve's version. */
export function healthRoutes(version: string): Hono {
  const routes = new Hono();
  routes.get('/health', (context) => context.body(null, 200));
  routes.get('/v1/health', (context) => context.body(null, 200));
  routes.get('/version', (context) => context.json({ version }));
  return routes;
}
