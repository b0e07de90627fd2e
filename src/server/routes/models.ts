import { Hono } from 'hono';
import { z } from 'zod';
import type { ServedModel } from '../../api/index.ts';
import { modelJson, modelListJson, modelListSchema, modelSchema, openaiErrors, show } from '../../api/index.ts';
import { messagesErrors, messagesModelListSchema, messagesModelSchema } from '../../api/messages/index.ts';
import { VserveError } from '../../errors/index.ts';
import type { RouteTraits } from '../openapi/describe.ts';
import { describeRead, optionalParameter, pathParameter } from '../openapi/describe.ts';

const VERSION = optionalParameter('header', 'anthropic-version', z.string(), "Asks for Anthropic's format.");

/**
 * `GET /v1/models` and `GET /v1/models/{id}`: the one model that is served. Its id may hold slashes. Routes before these
 * answer clients that speak Anthropic's API, if it is served; here they are described.
 */
export function modelRoutes(model: ServedModel, { alsoForAnthropic }: { readonly alsoForAnthropic: boolean }): Hono {
  const list = modelListJson(model);
  const one = modelJson(model);
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
  routes.get('/v1/models', describeList, (context) => context.json(list));
  routes.get('/v1/models/:id{.+}', describeOne, (context) => {
    const id = context.req.param('id');
    if (id !== model.name) throw unknownModel(id, model.name);
    return context.json(one);
  });
  return routes;
}

/** The error of a model that is not served here. */
export function unknownModel(id: string, servedModelName: string): VserveError {
  return new VserveError(
    'model_not_found',
    `The model ${show(id)} is not served here. This server has ${JSON.stringify(servedModelName)}.`,
    { param: 'model' },
  );
}
