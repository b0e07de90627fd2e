import type { FinishReason, GenerateRequest, PromptPart, PromptRequest } from '../../src/backend/index.ts';
import type { EchoVocabulary } from './echo-vocabulary.ts';

/** The whole answer, known before it is streamed. */
export interface Answer {
  readonly promptTokens: number;
  /** One per token; empty for a token that is not shown. */
  readonly deltas: readonly string[];
  readonly reason: FinishReason;
}

/**
 * The answer to a request: the last user message, or its prompt, one word per token. A token is a word and the white space after it; an
 * image is one token, `[image WxH]`. With `ignoreEos` the message is repeated without end.
 */
export function answerTo(request: GenerateRequest, contextLength: number, vocabulary: EchoVocabulary): Answer {
  const promptTokens = promptTokensOf(request, vocabulary);
  const said =
    request.prompt === undefined
      ? tokensOf(request.messages.findLast(({ role }) => role === 'user')?.content ?? [], vocabulary)
      : tokensOf(request.prompt, vocabulary);
  const room = Math.max(0, Math.min(request.maxTokens ?? Infinity, contextLength - promptTokens));
  const endless = request.ignoreEos && said.length > 0;
  const tokens = endless ? Array.from({ length: room }, (_, index) => said[index % said.length] ?? '') : said;
  const stopped = upToStop(tokens.slice(0, room), request.stop);
  if (stopped !== undefined) return { promptTokens, deltas: stopped, reason: 'stop' };
  return { promptTokens, deltas: tokens.slice(0, room), reason: endless || tokens.length > room ? 'length' : 'stop' };
}

/** How many tokens a prompt has: those of its messages, or of what stands in their place. */
export function promptTokensOf({ messages, prompt }: PromptRequest, vocabulary: EchoVocabulary): number {
  if (prompt !== undefined) return tokensOf(prompt, vocabulary).length;
  return messages.reduce((sum, { content }) => sum + tokensOf(content, vocabulary).length, 0);
}

/** The tokens of the parts of a prompt or of a message. */
export function tokensOf(parts: readonly PromptPart[], vocabulary: EchoVocabulary): string[] {
  return wordsOf(parts.map((part) => textOf(part, vocabulary)).join(' '));
}

/** A word and the white space after it, or an image. */
export function wordsOf(text: string): string[] {
  return text.match(/\[image \d+x\d+\]\s*|\S+\s*|\s+/g) ?? [];
}

function textOf(part: PromptPart, vocabulary: EchoVocabulary): string {
  if (part.type === 'text') return part.text;
  if (part.type === 'image') return `[image ${part.image.width}x${part.image.height}]`;
  return part.tokens.map((token) => vocabulary.textOf(token, part.param)).join('');
}

/** The tokens before the first stop string, cut where it begins; undefined if none matches. */
function upToStop(tokens: readonly string[], stop: readonly string[]): string[] | undefined {
  const text = tokens.join('');
  const found = stop
    .map((string) => ({ start: text.indexOf(string), length: string.length }))
    .filter(({ start }) => start !== -1);
  if (found.length === 0) return undefined;
  const start = Math.min(...found.map((match) => match.start));
  const end = Math.min(...found.map((match) => match.start + match.length));
  const deltas: string[] = [];
  let offset = 0;
  for (const token of tokens) {
    if (offset >= end) break;
    deltas.push(text.slice(offset, Math.max(offset, Math.min(start, offset + token.length))));
    offset += token.length;
  }
  return deltas;
}
