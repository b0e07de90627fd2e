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
import { checkModel } from '../check-request.ts';
import { countTokens, renderPrompt } from '../count-tokens.ts';
import { jsonRoute } from '../json-route.ts';
import { describeFormat } from '../openapi/describe.ts';
import type { RouteOptions } from '../route-options.ts';
import { tokenize } from '../tokenize.ts';
import { required } from '../required-method.ts';

/** What a prompt is made of, without generating: llama-server's and vLLM's routes. */
export function tokenRoutes(options: RouteOptions): Hono<RequestContext> {
  const routes = new Hono<RequestContext>();
  routes.post(
    '/v1/chat/completions/input_tokens',
    describeFormat(inputTokensSchemas(chatFormat.schemas)),
    jsonRoute(options, async (call, own) =>
      inputTokensJson(await countTokens(chatFormat.parse(call.body, call.read), own, call)),
    ),
  );
  routes.post(
    '/apply-template',
    describeFormat(templateSchemas(chatFormat.schemas)),
    jsonRoute(options, async (call, own) => {
      const { prompt } = textJson(await renderPrompt(chatFormat.parse(call.body, call.read), own, call));
      return { prompt };
    }),
  );
  routes.post(
    '/tokenize',
    describeFormat(tokenizeSchemas(chatFormat.schemas)),
    jsonRoute(options, (call, own) => tokenize(parseTokenizeRequest(call.body, call.read), own, call)),
  );
  routes.post(
    '/detokenize',
    describeFormat(DETOKENIZE_SCHEMAS),
    jsonRoute(options, async ({ body, read }, own) => {
      const request = parseDetokenizeRequest(body, read);
      checkModel(request.model, own);
      return textJson(await required(own.model, 'detokenize')(request.tokens));
    }),
  );
  return routes;
}
