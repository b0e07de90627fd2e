import { Hono } from 'hono';
import { chatFormat } from '../../api/chat/index.ts';
import { embeddingSchemas, embeddingsJson, parseEmbeddingRequest } from '../../api/embeddings/index.ts';
import type { RequestContext } from '../access-log.ts';
import { checkModel } from '../check-request.ts';
import { conversationInput, embedAll } from '../embed.ts';
import { jsonRoute } from '../json-route.ts';
import { describeFormat } from '../openapi/describe.ts';
import type { RouteOptions } from '../route-options.ts';

/** `POST /v1/embeddings`. */
export function embeddingRoutes(options: RouteOptions): Hono<RequestContext> {
  const routes = new Hono<RequestContext>();
  routes.post(
    '/v1/embeddings',
    describeFormat(embeddingSchemas(chatFormat.schemas)),
    jsonRoute(options, async (call, own) => {
      const { servedModelName } = own;
      const request = parseEmbeddingRequest(call.body, call.read);
      if (request.type === 'inputs') {
        checkModel(request.model, own);
        const embeddings = await embedAll(request.inputs, { cacheSalt: request.cacheSalt }, own, call);
        return embeddingsJson(embeddings, servedModelName, request);
      }
      const conversation = chatFormat.parse(request.chat, call.read);
      const input = await conversationInput(conversation, own, call);
      const { cacheSalt, imageProcessor } = conversation;
      const embeddings = await embedAll([input], { cacheSalt, imageProcessor }, own, call);
      return embeddingsJson(embeddings, servedModelName, request);
    }),
  );
  return routes;
}
