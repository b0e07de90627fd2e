import type { Bitmap, ContentPart, GenerateRequest, SamplingSettings } from '../backend/index.ts';
import type { ParsedRequest } from './parsed-request.ts';
import { SAMPLING_DEFAULTS } from './request-defaults.ts';

/**
 * Converts a request for the backend and fills in defaults: the request's settings override the model's, which override
 * MAX's. `images` are the bitmaps of `imageReferences(request)`, in that order.
 */
export function toGenerateRequest(
  request: ParsedRequest,
  modelDefaults: Partial<SamplingSettings>,
  images: readonly Bitmap[],
): GenerateRequest {
  const { model: _, messages, sampling, ...settings } = request;
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
    sampling: { ...SAMPLING_DEFAULTS, ...modelDefaults, ...sampling },
    ...settings,
  };
}
