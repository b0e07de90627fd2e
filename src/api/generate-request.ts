import type { Bitmap, ContentPart, GenerateRequest, SamplingSettings } from '../backend/index.ts';
import type { ParsedRequest } from './parsed-request.ts';

/** MAX's defaults, for what neither the request nor the model's generation_config sets; the order is transformers'. */
const SAMPLING_DEFAULTS: SamplingSettings = {
  temperature: 1,
  topP: 1,
  topK: -1,
  minP: 0,
  seed: undefined,
  frequencyPenalty: 0,
  presencePenalty: 0,
  repetitionPenalty: 1,
  samplers: ['penalties', 'temperature', 'topK', 'topP', 'minP'],
};

/**
 * Converts a request for the backend and fills in defaults: the request's settings override the model's, which override
 * MAX's. `images` are the bitmaps of `imageReferences(request)`, in that order.
 */
export function toGenerateRequest(
  request: ParsedRequest,
  modelDefaults: Partial<SamplingSettings>,
  images: readonly Bitmap[],
): GenerateRequest {
  const { messages, sampling, template, maxTokens, stop, ignoreEos, skipSpecialTokens, cacheSalt } = request;
  const remaining = images.values();
  const resolved = (param: string): Bitmap => {
    const { value } = remaining.next();
    if (value === undefined) throw new TypeError(`The image at ${param} was not resolved.`);
    return value;
  };
  return {
    messages: messages.map((message) => ({
      ...message,
      content: message.content.map((part): ContentPart =>
        part.type === 'text' ? part : { type: 'image', image: resolved(part.param), param: part.param },
      ),
    })),
    template,
    sampling: { ...SAMPLING_DEFAULTS, ...modelDefaults, ...sampling },
    maxTokens,
    stop,
    ignoreEos,
    skipSpecialTokens,
    cacheSalt,
  };
}
