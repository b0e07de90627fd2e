import { Hono } from 'hono';
import type { ServedModel } from '../../api/index.ts';
import { propsJson, propsSchema } from '../../api/index.ts';
import { describeRead } from '../openapi/describe.ts';

/** `GET /props`: llama-server's account of the server and its model. */
export function propsRoutes(
  model: ServedModel,
  options: { readonly version: string; readonly hasSlots: boolean },
): Hono {
  const routes = new Hono();
  const props = propsJson(model, options);
  routes.get('/props', describeRead('Describe the server and its model', propsSchema), (context) =>
    context.json(props),
  );
  return routes;
}
