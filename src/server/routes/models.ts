import { Hono } from 'hono';
import { z } from 'zod';
import type { ServedModel } from '../../api/index.ts';
import { modelJson, modelListJson, modelListSchema, modelSchema, openaiErrors } from '../../api/index.ts';
import { messagesErrors, messagesModelListSchema, messagesModelSchema } from '../../api/messages/index.ts';
import type { Adapters } from '../adapters.ts';
import { unknownModel } from '../chosen-model.ts';
import type { RouteTraits } from '../openapi/describe.ts';
import { describeRead, optionalParameter, pathParameter } from '../openapi/describe.ts';

const VERSION = optionalParameter('header', 'anthropic-version', z.string(), "Asks for Anthropic's format.");

/**
 * `GET /v1/models` and `GET /v1/models/{id}`: the model that is served, and its adapters. An id may hold slashes. Routes
 * before these answer clients that speak Anthropic's API, if it is served; here they are described.
 */
export function modelRoutes(
  model: ServedModel,
  adapters: Adapters,
  { alsoForAnthropic }: { readonly alsoForAnthropic: boolean },
): Hono {
  const routes = new Hono();
  const forBoth = (one: z.ZodType, other: z.ZodType) => (alsoForAnthropic ? z.union([one, other]) : one);
  const errors = { ...openaiErrors, schema: forBoth(openaiErrors.schema, messagesErrors.schema) };
  const traits = (parameters: NonNullable<RouteTraits['parameters']>): RouteTraits => ({
    errors,
    parameters: alsoForAnthropic ? [...parameters, VERSION] : parameters,
  });
  const describeList = describeRead('List the model', forBoth(modelListSchema, messagesModelListSchema), traits([]));
  const describeOne = describeRead(
    'Describe the model',
    forBoth(modelSchema, messagesModelSchema),
    traits([pathParameter('id')]),
  );
  routes.get('/v1/models', describeList, (context) => context.json(modelListJson(model, ...adapters.list(model))));
  routes.get('/v1/models/:id{.+}', describeOne, (context) => {
    const id = context.req.param('id');
    const served = [model, ...adapters.list(model)].find(({ name }) => name === id);
    if (served === undefined) throw unknownModel(id, { servedModelName: model.name, adapters });
    return context.json(modelJson(served));
  });
  return routes;
}
