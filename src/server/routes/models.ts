import { Hono } from 'hono';
import type { ServedModel } from '../../api/index.ts';
import { modelJson, modelListJson, show } from '../../api/index.ts';
import { VserveError } from '../../errors/index.ts';

/** `GET /v1/models` and `GET /v1/models/{id}`: the one model that is served. Its id may hold slashes. */
export function modelRoutes(model: ServedModel): Hono {
  const list = modelListJson(model);
  const one = modelJson(model);
  const routes = new Hono();
  routes.get('/v1/models', (context) => context.json(list));
  routes.get('/v1/models/:id{.+}', (context) => {
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
