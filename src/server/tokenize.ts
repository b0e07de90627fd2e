import { setImmediate } from 'node:timers/promises';
import type { TokenizeRequest } from '../api/tokens/index.ts';
import { tokenIdsText, tokensJson } from '../api/tokens/index.ts';
import { chatFormat } from '../api/chat/index.ts';
import { firstPicture } from '../api/index.ts';
import type { TextToken } from '../backend/index.ts';
import { VserveError } from '../errors/index.ts';
import { checkModel } from './check-request.ts';
import { renderPrompt } from './count-tokens.ts';
import type { GenerationRouteOptions } from './route-options.ts';
import type { JsonCall } from './json-route.ts';
import { JsonText } from './json-route.ts';
import { required } from './required-method.ts';

/** Tokens whose pieces one answer may tell: they are made on the event loop. */
const MAX_PIECES = 131_072;

/** A part of what is tokenized: a text, or tokens in it. */
type Part = string | readonly number[];

/** What is tokenized, and how. */
interface Content {
  readonly parts: readonly Part[];
  /** Of the first part. */
  readonly addSpecial: boolean;
  readonly parseSpecial: boolean;
  /** The field that it comes from. */
  readonly param: string;
}

/** The tokens of a text, or of a conversation. Throws `invalid_request`. */
export async function tokenize(
  request: TokenizeRequest,
  options: GenerationRouteOptions,
  call: JsonCall,
): Promise<object> {
  const content = request.type === 'text' ? textContent(request, options) : await promptOf(request, options, call);
  const { contextLength } = options.model.info;
  if (!request.withPieces && !request.withTexts) {
    return new JsonText(await tokenIdsText(await idsOf(content, options), contextLength, setImmediate));
  }
  if (charactersOf(content) > MAX_PIECES && (await idsOf(content, options)).length > MAX_PIECES) {
    const message = `${content.param} has too many tokens to tell the piece of each: at most ${String(MAX_PIECES)} can be. Send it in parts, or leave out ${request.withPieces ? 'with_pieces' : 'return_token_strs'}.`;
    throw new VserveError('invalid_request', message, { param: content.param });
  }
  return tokensJson(await tokensOf(content, options), request, contextLength);
}

function textContent(
  { model, content, addSpecial, parseSpecial }: Extract<TokenizeRequest, { readonly type: 'text' }>,
  options: GenerationRouteOptions,
): Content {
  checkModel(model, options);
  const parts: (string | number[])[] = [];
  for (const piece of content) {
    const last = parts.at(-1);
    if (typeof piece === 'string') parts.push(piece);
    else if (Array.isArray(last)) last.push(piece);
    else parts.push([piece]);
  }
  return { parts, addSpecial, parseSpecial, param: 'content' };
}

async function promptOf(
  { chat }: Extract<TokenizeRequest, { readonly type: 'conversation' }>,
  options: GenerationRouteOptions,
  call: JsonCall,
): Promise<Content> {
  const request = chatFormat.parse(chat, call.read);
  const image = firstPicture(request);
  if (image !== undefined) {
    const message = 'The tokens of an image have no numbers. Count them at /v1/chat/completions/input_tokens.';
    throw new VserveError('invalid_request', message, { param: image.param });
  }
  const prompt = await renderPrompt(request, options, call);
  return { parts: [prompt], addSpecial: false, parseSpecial: true, param: 'messages' };
}

/** A token is at least one character of a text. */
function charactersOf({ parts }: Content): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}

async function idsOf(content: Content, { model }: GenerationRouteOptions): Promise<Int32Array> {
  const runs: ArrayLike<number>[] = [];
  for (const [index, part] of content.parts.entries()) {
    if (typeof part !== 'string') {
      // Throws for one that the model does not have.
      await required(model, 'detokenize')(part);
      runs.push(part);
      continue;
    }
    const settings = { addSpecial: content.addSpecial && index === 0, parseSpecial: content.parseSpecial };
    const ids = await model.tokenIds?.(part, settings);
    runs.push(ids ?? (await required(model, 'tokenize')(part, settings)).map(({ id }) => id));
  }
  const ids = new Int32Array(runs.reduce((sum, run) => sum + run.length, 0));
  let at = 0;
  for (const run of runs) {
    ids.set(run, at);
    at += run.length;
  }
  return ids;
}

async function tokensOf(content: Content, { model }: GenerationRouteOptions): Promise<readonly TextToken[]> {
  const runs: (readonly TextToken[])[] = [];
  for (const [index, part] of content.parts.entries()) {
    if (typeof part === 'string') {
      const settings = { addSpecial: content.addSpecial && index === 0, parseSpecial: content.parseSpecial };
      runs.push(await required(model, 'tokenize')(part, settings));
    } else {
      for (const id of part) {
        runs.push([{ id, bytes: Buffer.from(await required(model, 'detokenize')([id])) }]);
      }
    }
  }
  return runs.flat();
}
