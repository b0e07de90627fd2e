import { Hono } from 'hono';
import { z } from 'zod';
import type { ListedModel } from '../../api/index.ts';
import {
  bareModelSchema,
  modelJson,
  modelListJson,
  modelListSchema,
  modelSchema,
  openaiErrors,
  show,
} from '../../api/index.ts';
import { messagesErrors, messagesModelListSchema, messagesModelSchema } from '../../api/messages/index.ts';
import { VserveError } from '../../errors/index.ts';
import { listedAdapters, listedModel, listedModels } from '../models/model-states.ts';
import type { ServedModels } from '../models/served-models.ts';
import type { RouteTraits } from '../openapi/describe.ts';
import { describeRead, optionalParameter, pathParameter } from '../openapi/describe.ts';
import type { GenerationRouteOptions } from '../route-options.ts';

const VERSION = optionalParameter('header', 'anthropic-version', z.string(), "Asks for Anthropic's format.");

/**
 * `GET /v1/models` and `GET /v1/models/{id}`: the models that are served. An id may hold slashes. Routes before these
 * answer clients that speak Anthropic's API, if it is served; here they are described.
 */
export function modelRoutes(
  models: ServedModels<GenerationRouteOptions>,
  { alsoForAnthropic }: { readonly alsoForAnthropic: boolean },
): Hono {
  const routes = new Hono();
  const forBoth = (one: z.ZodType, other: z.ZodType) => (alsoForAnthropic ? z.union([one, other]) : one);
  const errors = { ...openaiErrors, schema: forBoth(openaiErrors.schema, messagesErrors.schema) };
  const traits = (parameters: NonNullable<RouteTraits['parameters']>): RouteTraits => ({
    errors,
    parameters: alsoForAnthropic ? [...parameters, VERSION] : parameters,
  });
  const describeList = describeRead('List the models', forBoth(modelListSchema, messagesModelListSchema), traits([]));
  const describeOne = describeRead(
    'Describe a model',
    forBoth(z.union([modelSchema, bareModelSchema]), messagesModelSchema),
    traits([pathParameter('id')]),
  );
  routes.get('/v1/models', describeList, (context) => context.json(modelListJson(listedModels(models))));
  routes.get('/v1/models/:id{.+}', describeOne, (context) =>
    context.json(modelJson(listedNamed(models, context.req.param('id')))),
  );
  return routes;
}

/** The model or adapter of this name, for a list. Throws `model_not_found`, also where there is only one model. */
export function listedNamed(models: ServedModels<GenerationRouteOptions>, name: string): ListedModel {
  const entry = models.find(name);
  const adapters = listedAdapters(entry, models.isManaged);
  const adapter = adapters.find((own) => name === own.name || name === `${entry.name}:${own.name}`);
  if (adapter !== undefined) return adapter;
  if (models.entries.length === 1 && !models.namesOf(entry.name).includes(name)) {
    throw unknownModel(
      name,
      entry.name,
      adapters.map((own) => own.name),
    );
  }
  return listedModel(entry, models.isManaged);
}

/** The error of a model that is not served here. */
export function unknownModel(id: string, servedModelName: string, adapters: readonly string[] = []): VserveError {
  const names = [servedModelName, ...adapters].map((name) => JSON.stringify(name)).join(', ');
  return new VserveError('model_not_found', `The model ${show(id)} is not served here. This server has ${names}.`, {
    param: 'model',
  });
}
