import type { Bitmap, ContentPart, GenerateRequest, SamplingSettings } from '../backend/index.ts';
import type { ChatRequest } from './chat-request.ts';
import type { LongText } from './long-text.ts';

/** MAX's defaults, where neither the request nor the model's generation_config says anything. */
const classDefaults: SamplingSettings = {
  temperature: 1,
  topP: 1,
  topK: -1,
  minP: 0,
  seed: undefined,
  frequencyPenalty: 0,
  presencePenalty: 0,
  repetitionPenalty: 1,
};

/** Fetches and decodes the image at `url`; `param` says where in the request it stands. */
export type ResolveImage = (url: string | LongText, param: string) => Promise<Bitmap>;

/**
 * Makes of a request what a backend takes: defaults filled in (the request before the model before MAX's own), images
 * resolved, all at the same time. Throws what `resolveImage` throws.
 */
export async function toGenerateRequest(
  request: ChatRequest,
  modelDefaults: Partial<SamplingSettings>,
  resolveImage: ResolveImage,
): Promise<GenerateRequest> {
  const messages = await Promise.all(
    request.messages.map(async ({ role, content }) => ({
      role,
      content: await Promise.all(
        content.map(async (part): Promise<ContentPart> =>
          part.type === 'text' ? part : { type: 'image', image: await resolveImage(part.url, part.param) },
        ),
      ),
    })),
  );
  return {
    messages,
    sampling: { ...classDefaults, ...modelDefaults, ...request.sampling },
    maxTokens: request.maxTokens,
    stop: request.stop,
    ignoreEos: request.ignoreEos,
    cacheSalt: request.cacheSalt,
  };
}
