import { isJsonObject } from './checkpoint-folder.ts';
import type { JsonObject } from './checkpoint-folder.ts';

/** Settings that say which token stands for an image or surrounds one: `image_token_id`, `media_placeholder_token_id`, … */
const names = /^(?:image|video|vision|media|boi|eoi)(?:_[a-z]+)*_token_(?:id|index)$/;

/**
 * What is wrong with the ids by which transformers finds images in a prompt. vserve does not use them, so they are no
 * obstacle, but they hint at a checkpoint whose files do not match.
 *
 * @param vocabularySize the rows of the embedding
 */
export function tokenIdWarnings(config: JsonObject, vocabularySize: number): string[] {
  return Object.entries(config).flatMap(([name, value]) => {
    if (!names.test(name) || value === null) return [];
    if (Number.isInteger(value) && Number(value) >= 0 && Number(value) < vocabularySize) return [];
    const shown = isJsonObject(value) || Array.isArray(value) ? 'not a number' : JSON.stringify(value);
    return [`config.json: ${name} is ${shown}, which is not one of the ${vocabularySize} tokens of the model.`];
  });
}
