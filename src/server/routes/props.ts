import { Hono } from 'hono';
import { z } from 'zod';
import { propsJson, propsSchema, routerPropsJson, routerPropsSchema } from '../../api/index.ts';
import { VserveError } from '../../errors/index.ts';
import { describeRead, optionalParameter } from '../openapi/describe.ts';
import type { RouteOptions } from '../route-options.ts';

const MODEL = optionalParameter('query', 'model', z.string(), 'The model to describe, where there are several.');

/** `GET /props`: llama-server's account of the server and its model; with `?model=`, of one of several. */
export function propsRoutes({ models, version, settings }: RouteOptions): Hono {
  const routes = new Hono();
  const describe = describeRead('Describe the server and its model', z.union([propsSchema, routerPropsSchema]), {
    parameters: [MODEL],
  });
  routes.get('/props', describe, (context) => {
    const name = context.req.query('model');
    if (models.entries.length > 1 && name === undefined) {
      return context.json(routerPropsJson(version, models.maxLoaded));
    }
    const entry = models.find(name);
    const { name: served, info, since, status } = entry;
    if (info === undefined) {
      const message = `Nothing is known of ${JSON.stringify(served)} before it is loaded: send it a request, or POST /models/load.`;
      throw new VserveError('invalid_request', message, { param: 'model' });
    }
    const isSleeping = models.isManaged && status !== 'loaded';
    return context.json(propsJson({ name: served, info, since }, { version, hasSlots: settings.slots, isSleeping }));
  });
  return routes;
}
