import { Hono } from 'hono';
import { z } from 'zod';
import { isJsonObject, jsonSchema, show } from '../../api/index.ts';
import type { RouteSchemas } from '../../api/index.ts';
import { VserveError } from '../../errors/index.ts';
import type { RequestContext } from '../access-log.ts';
import type { ApiKeys } from '../api-keys.ts';
import { bodyRoute } from '../body-route.ts';
import { describeFormat } from '../openapi/describe.ts';
import { managersOnly } from '../require-key.ts';
import type { RouteOptions } from '../route-options.ts';

const asked = z.object({ model: z.string().min(1) });
const answer = z.object({ success: z.literal(true) });

/**
 * llama-server's `POST /models/load` and `POST /models/unload`, for keys that may. Both answer at once; `GET /v1/models` tells
 * when it is done.
 */
export function manageRoutes(options: RouteOptions, keys: ApiKeys): Hono<RequestContext> {
  const { models } = options;
  const routes = new Hono<RequestContext>();
  const act = (path: string, summary: string, action: (name: string) => void): void => {
    const schemas = schemasOf(summary, models.entries[0]?.name ?? '');
    const route = bodyRoute(options, ({ body }) => {
      action(nameIn(body));
      return { success: true };
    });
    routes.post(path, describeFormat(schemas), managersOnly(keys), route);
  };
  act('/models/load', 'Load a model, if it is not in memory', (name) => {
    const entry = models.find(name);
    if (!entry.isOpen) void models.preload(entry);
  });
  act('/models/unload', 'Have a model leave memory once its requests have ended', (name) => {
    const entry = models.find(name);
    if (entry.status === 'loaded') return models.unload(entry);
    const message = `The model ${JSON.stringify(entry.name)} is not in memory: it is ${entry.status}.`;
    throw new VserveError('invalid_request', message, { param: 'model' });
  });
  return routes;
}

function nameIn(body: unknown): string {
  const model = isJsonObject(body) ? body['model'] : undefined;
  if (typeof model === 'string' && model !== '') return model;
  throw new VserveError('invalid_request', `model must be the name of a model, not ${show(model)}.`, {
    param: 'model',
  });
}

function schemasOf(summary: string, model: string): RouteSchemas {
  return { summary, request: () => jsonSchema(asked), answer, example: { model } };
}
