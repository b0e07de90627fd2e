import type { ParsedRequest } from '../api/index.ts';
import { imageReferences, mediaReferences, toGenerateRequest } from '../api/index.ts';
import type { Bitmap } from '../backend/index.ts';
import type { Places } from './admission.ts';
import { checkRequest } from './check-request.ts';
import type { GenerationRouteOptions } from './route-options.ts';
import { bringsImages, fetchImages } from './generate.ts';
import type { JsonCall } from './json-route.ts';
import { openMedia } from './open-media.ts';
import { required } from './required-method.ts';

/** `places`: those of the request that it is a part of, if it is. */
type CountCall = Pick<JsonCall, 'client' | 'signal' | 'trace'> & { readonly places?: Places };

/**
 * Tokens of the prompt of a request, in any format. Its images are fetched for their sizes: nothing is decoded or encoded.
 * Throws what a generation would throw before its first token.
 */
export async function countTokens(
  request: ParsedRequest,
  options: GenerationRouteOptions,
  { client, signal, trace, places }: CountCall,
): Promise<number> {
  const { model, media, admission } = options;
  checkRequest(request, options);
  const place = (places ?? admission).join(client);
  try {
    if (bringsImages(request)) await place.toFetchImages(signal);
    const resolve = media.sizesForRequest();
    const { maxImagesPerRequest } = options.settings;
    const follow = trace?.followImage;
    const opened = await openMedia(request, { model, resolve, maxImagesPerRequest, signal, follow });
    const images = await fetchImages(opened, resolve, signal, follow);
    return await required(model, 'countPrompt')(toGenerateRequest(opened, model.info, images), signal);
  } finally {
    place.leave();
  }
}

/**
 * The text of the prompt of a request, with a marker for each image. No image is fetched; a document and a video are, for
 * their texts and the number of their images. Throws as `countTokens`.
 */
export async function renderPrompt(
  request: ParsedRequest,
  options: GenerationRouteOptions,
  { client, signal, trace, places }: CountCall,
): Promise<string> {
  checkRequest(request, options);
  const { model, media, admission, settings } = options;
  let opened = request;
  if (mediaReferences(request).length > 0) {
    const place = (places ?? admission).join(client);
    try {
      await place.toFetchImages(signal);
      const { maxImagesPerRequest } = settings;
      opened = await openMedia(request, {
        model,
        resolve: media.sizesForRequest(),
        maxImagesPerRequest,
        signal,
        follow: trace?.followImage,
      });
    } finally {
      place.leave();
    }
  }
  const images = imageReferences(opened).map((): Bitmap => ({ width: 1, height: 1, rgb: new Uint8Array(), id: '' }));
  return required(model, 'renderPrompt')(toGenerateRequest(opened, model.info, images), signal);
}
