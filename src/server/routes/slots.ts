import { Hono } from 'hono';
import { z } from 'zod';
import { slotsJson, slotsSchema } from '../../api/index.ts';
import { VserveError } from '../../errors/index.ts';
import { describeRead, optionalParameter } from '../openapi/describe.ts';
import type { RouteOptions } from '../route-options.ts';

/**
 * `GET /slots`: what each place of the batch is doing, without a word of what was asked. With `?fail_on_no_slot=1`, an
 * error when none is free; with `?model=`, of one of several models, which has none while it is not in memory.
 */
export function slotRoutes({ models, settings }: Pick<RouteOptions, 'models' | 'settings'>): Hono {
  const routes = new Hono();
  const describe = describeRead('What each place of the batch is doing', slotsSchema, {
    parameters: [
      optionalParameter('query', 'fail_on_no_slot', z.string(), 'Fail when no slot is free: 1.'),
      optionalParameter('query', 'model', z.string(), 'The model, where there are several.'),
    ],
  });
  routes.get('/slots', describe, (context) => {
    if (!settings.slots) {
      throw new VserveError('route_not_found', 'This server does not tell about its slots. Start it with --slots.');
    }
    const { slots, model } = models.find(context.req.query('model')).loaded?.active ?? {};
    if (slots === undefined || model === undefined) return context.json([]);
    const mustBeFree = (context.req.query('fail_on_no_slot') ?? '0') !== '0';
    if (mustBeFree && !slots.places.includes(undefined)) {
      throw new VserveError('at_capacity', 'No slot is free. Please retry later.');
    }
    return context.json(slotsJson(slots.places, model.info.contextLength));
  });
  return routes;
}
