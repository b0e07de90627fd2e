import { Hono } from 'hono';
import { chatFormat } from '../../api/chat/index.ts';
import { embeddingSchemas, embeddingsJson, parseEmbeddingRequest } from '../../api/embeddings/index.ts';
import type { RequestContext } from '../access-log.ts';
import { chosenModel } from '../chosen-model.ts';
import { conversationInput, embedAll } from '../embed.ts';
import type { GenerationRouteOptions } from '../generation-route.ts';
import { jsonRoute } from '../json-route.ts';
import { describeFormat } from '../openapi/describe.ts';

/** `POST /v1/embeddings`. */
export function embeddingRoutes(options: GenerationRouteOptions): Hono<RequestContext> {
  const { servedModelName } = options;
  const routes = new Hono<RequestContext>();
  routes.post(
    '/v1/embeddings',
    describeFormat(embeddingSchemas(chatFormat.schemas)),
    jsonRoute(options, async (call) => {
      const request = parseEmbeddingRequest(call.body, call.read);
      if (request.type === 'inputs') {
        const chosen = chosenModel(request.model, options);
        const embeddings = await embedAll(request.inputs, { cacheSalt: request.cacheSalt }, chosen, call);
        return embeddingsJson(embeddings, servedModelName, request);
      }
      const conversation = chatFormat.parse(request.chat, call.read);
      const input = await conversationInput(conversation, options, call);
      const { cacheSalt, imageProcessor } = conversation;
      const embeddings = await embedAll([input], { cacheSalt, imageProcessor }, options, call);
      return embeddingsJson(embeddings, servedModelName, request);
    }),
  );
  return routes;
}
