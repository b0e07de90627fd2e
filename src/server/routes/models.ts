import { Hono } from 'hono';
import { show } from '../../api/index.ts';
import type { ModelInfo } from '../../backend/index.ts';
import { VserveError } from '../../errors/index.ts';

/** OpenAI's model object, with what vLLM and MAX (the context's length) and OpenRouter (the architecture) add to it. */
interface ModelJson {
  readonly id: string;
  readonly object: 'model';
  readonly created: number;
  readonly owned_by: 'vserve';
  readonly max_model_len: number;
  readonly architecture: {
    readonly input_modalities: readonly ('text' | 'image')[];
    readonly output_modalities: readonly ['text'];
  };
}

/** `GET /v1/models` and `GET /v1/models/{id}`: the one model that is served. Its id may hold slashes. */
export function modelRoutes(servedModelName: string, { contextLength, capabilities }: ModelInfo): Hono {
  const model: ModelJson = {
    id: servedModelName,
    object: 'model',
    created: Math.floor(Date.now() / 1000),
    owned_by: 'vserve',
    max_model_len: contextLength,
    architecture: {
      input_modalities: capabilities.vision ? ['text', 'image'] : ['text'],
      output_modalities: ['text'],
    },
  };
  const routes = new Hono();
  routes.get('/v1/models', (context) => context.json({ object: 'list', data: [model] }));
  routes.get('/v1/models/:id{.+}', (context) => {
    const id = context.req.param('id');
    if (id !== servedModelName) throw unknownModel(id, servedModelName);
    return context.json(model);
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
