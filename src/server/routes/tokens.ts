import { Hono } from 'hono';
import { chatFormat } from '../../api/chat/index.ts';
import {
  DETOKENIZE_SCHEMAS,
  inputTokensJson,
  inputTokensSchemas,
  parseDetokenizeRequest,
  parseTokenizeRequest,
  templateSchemas,
  textJson,
  tokenizeSchemas,
} from '../../api/tokens/index.ts';
import type { RequestContext } from '../access-log.ts';
import { chosenModel } from '../chosen-model.ts';
import { countTokens, renderPrompt, required } from '../count-tokens.ts';
import type { GenerationRouteOptions } from '../generation-route.ts';
import { jsonRoute } from '../json-route.ts';
import { describeFormat } from '../openapi/describe.ts';
import { tokenize } from '../tokenize.ts';

/** What a prompt is made of, without generating: llama-server's and vLLM's routes. */
export function tokenRoutes(options: GenerationRouteOptions): Hono<RequestContext> {
  const routes = new Hono<RequestContext>();
  routes.post(
    '/v1/chat/completions/input_tokens',
    describeFormat(inputTokensSchemas(chatFormat.schemas)),
    jsonRoute(options, async (call) =>
      inputTokensJson(await countTokens(chatFormat.parse(call.body, call.read), options, call)),
    ),
  );
  routes.post(
    '/apply-template',
    describeFormat(templateSchemas(chatFormat.schemas)),
    jsonRoute(options, async (call) => {
      const { prompt } = textJson(await renderPrompt(chatFormat.parse(call.body, call.read), options, call));
      return { prompt };
    }),
  );
  routes.post(
    '/tokenize',
    describeFormat(tokenizeSchemas(chatFormat.schemas)),
    jsonRoute(options, (call) => tokenize(parseTokenizeRequest(call.body, call.read), options, call)),
  );
  routes.post(
    '/detokenize',
    describeFormat(DETOKENIZE_SCHEMAS),
    jsonRoute(options, async ({ body, read }) => {
      const request = parseDetokenizeRequest(body, read);
      const { model } = chosenModel(request.model, options);
      return textJson(await required(model, 'detokenize')(request.tokens));
    }),
  );
  return routes;
}
