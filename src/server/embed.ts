import type { ParsedRequest } from '../api/index.ts';
import { imageReferences } from '../api/index.ts';
import type { Embedding, EmbedRequest, PromptPart } from '../backend/index.ts';
import { IMAGE_MARKER } from '../backend/index.ts';
import { VserveError } from '../errors/index.ts';
import { checkRequest } from './check-request.ts';
import { anonymous } from './client-path.ts';
import { renderPrompt } from './count-tokens.ts';
import { bringsImages, encodedFinder, fetchImages } from './generate.ts';
import type { GenerationRouteOptions } from './route-options.ts';
import type { JsonCall } from './json-route.ts';
import { openMedia } from './open-media.ts';
import { inStep } from './traces/trace-requests.ts';
import { required } from './required-method.ts';

type EmbedCall = Pick<JsonCall, 'client' | 'places' | 'signal' | 'trace'>;

/**
 * The embeddings of inputs, each in a turn of its own. The first failure ends all of them. Throws `unsupported_capability`
 * if the model has none.
 */
export async function embedAll(
  inputs: readonly (readonly PromptPart[])[],
  asked: Pick<EmbedRequest, 'cacheSalt' | 'imageProcessor'>,
  { model, servedModelName }: GenerationRouteOptions,
  { client, places, signal, trace }: EmbedCall,
): Promise<Embedding[]> {
  requireEmbeddings(model.info.capabilities.embeddings);
  const embed = required(model, 'embed');
  const stop = new AbortController();
  const embedOne = async (input: readonly PromptPart[]): Promise<Embedding> => {
    // Of its own: each signal is listened to once.
    const ended = AbortSignal.any([signal, stop.signal]);
    const place = places.join(client);
    try {
      await place.toGenerate(ended);
      return await embed({ input, ...asked, client: anonymous(client) }, ended);
    } finally {
      place.leave();
    }
  };
  const running = inputs.map(embedOne);
  try {
    const embeddings = await inStep(trace, 'embed', () => Promise.all(running));
    trace?.set({
      'gen_ai.operation.name': 'embeddings',
      'gen_ai.request.model': servedModelName,
      'gen_ai.usage.input_tokens': embeddings.reduce((sum, { promptTokens }) => sum + promptTokens, 0),
    });
    return embeddings;
  } finally {
    stop.abort(new Error('Another input of the request has failed.'));
    await Promise.allSettled(running);
  }
}

/** A conversation as the input of an embedding: the text that its template makes of it, with its images in between. */
export async function conversationInput(
  request: ParsedRequest,
  options: GenerationRouteOptions,
  call: EmbedCall,
): Promise<readonly PromptPart[]> {
  const { model, media, settings } = options;
  const { signal, trace } = call;
  requireEmbeddings(model.info.capabilities.embeddings);
  checkRequest(request, options);
  const place = call.places.join(call.client);
  try {
    if (bringsImages(request)) await place.toFetchImages(signal);
    const resolve = media.forRequest(encodedFinder(model, request), model.imagesAs !== undefined);
    const { maxImagesPerRequest } = settings;
    const follow = trace?.followImage;
    const opened = await openMedia(request, { model, resolve, maxImagesPerRequest, signal, follow });
    const references = imageReferences(opened);
    const texts = (await renderPrompt(opened, options, call)).split(IMAGE_MARKER);
    if (texts.length !== references.length + 1) {
      const message = `The conversation may not have the text ${IMAGE_MARKER}, which stands for images.`;
      throw new VserveError('invalid_request', message, { param: 'messages' });
    }
    const images = await fetchImages(opened, resolve, signal, follow);
    return texts.flatMap((text, index): PromptPart[] => {
      const image = images[index];
      const { param = '', budget } = references[index] ?? {};
      return [
        ...(text === '' ? [] : [{ type: 'text' as const, text }]),
        ...(image ? [{ type: 'image' as const, image, param, ...(budget && { budget }) }] : []),
      ];
    });
  } finally {
    place.leave();
  }
}

function requireEmbeddings(has: boolean | undefined): void {
  if (has === true) return;
  const message = 'This model computes no embeddings: take one that does, or start the server with --embeddings.';
  throw new VserveError('unsupported_capability', message);
}
