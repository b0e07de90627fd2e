import type { ParsedRequest } from '../api/index.ts';
import type { LoadedModel, LogitBias } from '../backend/index.ts';
import { required } from './required-method.ts';

/** As they would stand in an answer. */
const PLAIN = { addSpecial: false, parseSpecial: false };

/**
 * The request with the biases of texts as those of their tokens. The biases of a token add up: texts may have millions of
 * tokens, but a vocabulary has not. Throws `unsupported_capability` where there is no tokenizer.
 */
export async function withTextBiases(request: ParsedRequest, model: LoadedModel): Promise<ParsedRequest> {
  const { biasTexts, sampling } = request;
  if (biasTexts === undefined) return request;
  const sums = new Map<number, number>();
  const add = (token: number, bias: number): void => void sums.set(token, (sums.get(token) ?? 0) + bias);
  for (const { token, bias } of sampling.logitBias ?? []) add(token, bias);
  for (const { text, bias } of biasTexts) {
    for (const token of await tokensOf(text, model)) add(token, bias);
  }
  const logitBias = Array.from(sums, ([token, bias]): LogitBias => ({ token, bias }));
  return { ...request, sampling: { ...sampling, logitBias } };
}

async function tokensOf(text: string, model: LoadedModel): Promise<Iterable<number>> {
  const ids = await model.tokenIds?.(text, PLAIN);
  return ids ?? (await required(model, 'tokenize')(text, PLAIN)).map(({ id }) => id);
}
