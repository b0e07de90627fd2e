import { VserveError } from '../../../src/errors/index.ts';
import type { GenerateRequest, PromptPart } from '../../../src/backend/index.ts';
import type { Dialect } from '../dialect.ts';
import { formatFields } from './format-fields.ts';
import { limitFields } from './limit-fields.ts';
import { askedSampling, samplingFields } from './sampling-fields.ts';

/** The fields of a text completion that is streamed, but for the model. Throws `unsupported_capability`. */
export function completionFields(request: GenerateRequest, dialect: Dialect): Record<string, unknown> {
  return {
    prompt: promptJson(request.prompt ?? [], dialect),
    stream: true,
    stream_options: { include_usage: true },
    ...samplingFields(askedSampling(request), dialect),
    ...limitFields(request, dialect),
    ...formatFields(request.format, dialect),
    ...(request.logProbs === undefined ? {} : { logprobs: request.logProbs }),
  };
}

/** A text, or token ids; llama-server and vserve also take both in turns. */
export function promptJson(parts: readonly PromptPart[], dialect: Dialect): unknown {
  const pieces = parts.map((part) => {
    if (part.type === 'text') return part.text;
    if (part.type === 'tokens') return part.tokens;
    const message =
      'Upstreams take no images in prompts without a chat template. Send messages to /v1/chat/completions.';
    throw new VserveError('unsupported_capability', message, { param: part.param ?? 'prompt' });
  });
  if (pieces.every((piece) => typeof piece === 'string')) return pieces.join('');
  if (pieces.every((piece) => typeof piece !== 'string')) return pieces.flat();
  if (dialect === 'llama-server' || dialect === 'vserve') return pieces.flat();
  const message = 'The upstream takes a prompt of text or of tokens, not of both.';
  throw new VserveError('unsupported_capability', message, { param: 'prompt' });
}
