import { Hono } from 'hono';
import { z } from 'zod';
import { describeRead, json } from '../openapi/describe.ts';
import type { ServerState } from '../server-state.ts';

const healthPaths = ['/health', '/v1/health', '/ping'];

const healthSchema = z.object({
  status: z.enum(['loading', 'ok', 'draining']),
  stage: z.enum(['starting', 'downloading', 'converting', 'loading']).optional(),
  progress: z.number().min(0).max(1).optional(),
  restarts: z.number().int().optional(),
  last_crash: z.object({ signal: z.string(), at: z.string() }).optional(),
});
const describeHealth = describeRead('Whether the server can answer requests', healthSchema, {
  responses: { 503: { description: 'It is loading, or ending', content: json(healthSchema) } },
  isOpen: true,
});

/** Whether a path asks for the server's health: such requests need no API key. */
export function isHealthPath(path: string): boolean {
  return healthPaths.includes(path);
}

/**
 * `GET /health`, `/v1/health` and `/ping`: 200 if the server can answer requests, otherwise 503 and how far it is. `GET
 * /version`: vserve's version.
 */
export function healthRoutes(version: string, state: ServerState): Hono {
  const routes = new Hono();
  for (const path of healthPaths) {
    routes.get(path, describeHealth, (context) => {
      const { retryAfterS } = state;
      if (retryAfterS === undefined) return context.json(state.health);
      return context.json(state.health, 503, { 'retry-after': String(retryAfterS) });
    });
  }
  routes.get('/version', describeRead("vserve's version", z.object({ version: z.string() })), (context) =>
    context.json({ version }),
  );
  return routes;
}
