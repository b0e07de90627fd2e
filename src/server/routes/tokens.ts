import { Hono } from 'hono';
import { chatFormat } from '../../api/chat/index.ts';
import type { TokenizeRequest } from '../../api/tokens/index.ts';
import {
  DETOKENIZE_SCHEMAS,
  inputTokensJson,
  inputTokensSchemas,
  parseDetokenizeRequest,
  parseTokenizeRequest,
  templateSchemas,
  textJson,
  tokenizeSchemas,
  tokensJson,
} from '../../api/tokens/index.ts';
import { firstPicture } from '../../api/index.ts';
import type { TextToken } from '../../backend/index.ts';
import { VserveError } from '../../errors/index.ts';
import type { RequestContext } from '../access-log.ts';
import { countTokens, renderPrompt, required } from '../count-tokens.ts';
import type { GenerationRouteOptions } from '../generation-route.ts';
import { checkModel } from '../generation-route.ts';
import type { JsonCall } from '../json-route.ts';
import { jsonRoute } from '../json-route.ts';
import { describeFormat } from '../openapi/describe.ts';

type TextRequest = Extract<TokenizeRequest, { readonly type: 'text' }>;
type ConversationRequest = Extract<TokenizeRequest, { readonly type: 'conversation' }>;

/** What a prompt is made of, without generating: llama-server's and vLLM's routes. */
export function tokenRoutes(options: GenerationRouteOptions): Hono<RequestContext> {
  const { model, servedModelName } = options;
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
    jsonRoute(options, async (call) => {
      const request = parseTokenizeRequest(call.body, call.read);
      const tokens = await (request.type === 'text'
        ? tokensOfText(request, options)
        : tokensOfConversation(request, options, call));
      return tokensJson(tokens, request, model.info.contextLength);
    }),
  );
  routes.post(
    '/detokenize',
    describeFormat(DETOKENIZE_SCHEMAS),
    jsonRoute(options, async ({ body, read }) => {
      const request = parseDetokenizeRequest(body, read);
      checkModel(request.model, servedModelName);
      return textJson(await required(model, 'detokenize')(request.tokens));
    }),
  );
  return routes;
}

/** Only a text at the beginning gets the tokens that prompts begin with. */
async function tokensOfText(
  { model: name, content, addSpecial, parseSpecial }: TextRequest,
  { model, servedModelName }: GenerationRouteOptions,
): Promise<readonly TextToken[]> {
  checkModel(name, servedModelName);
  const tokenize = required(model, 'tokenize');
  const runs: (readonly TextToken[])[] = [];
  for (const [index, piece] of content.entries()) {
    runs.push(
      typeof piece === 'string'
        ? await tokenize(piece, { addSpecial: addSpecial && index === 0, parseSpecial })
        : [{ id: piece, bytes: Buffer.from(await required(model, 'detokenize')([piece])) }],
    );
  }
  return runs.flat();
}

async function tokensOfConversation(
  { chat }: ConversationRequest,
  options: GenerationRouteOptions,
  call: JsonCall,
): Promise<readonly TextToken[]> {
  const request = chatFormat.parse(chat, call.read);
  const image = firstPicture(request);
  if (image !== undefined) {
    const message = 'The tokens of an image have no numbers. Count them at /v1/chat/completions/input_tokens.';
    throw new VserveError('invalid_request', message, { param: image.param });
  }
  const prompt = await renderPrompt(request, options, call);
  return required(options.model, 'tokenize')(prompt, { addSpecial: false, parseSpecial: true });
}
