import { isJsonObject } from './checkpoint-folder.ts';
import type { JsonObject } from './checkpoint-folder.ts';

/** Settings that tell which token stands for an image, or beside one: `image_token_id`, `media_placeholder_token_id`, … */
const names = /^(?:image|video|vision|media|boi|eoi)(?:_[a-z]+)*_token_(?:id|index)$/;

/**
 * What is wrong with the ids of a configuration by which transformers would find images in a prompt. A model is converted
 * and served without them, so that they are no obstacle; but a checkpoint whose files do not go together is one to look at.
 *
 * @param vocabularySize the rows of the embedding
 */
export function tokenIdWarnings(config: JsonObject, vocabularySize: number): string[] {
  return Object.entries(config).flatMap(([name, value]) => {
    if (!names.test(name) || value === null) return [];
    if (Number.isInteger(value) && Number(value) >= 0 && Number(value) < vocabularySize) return [];
    const shown = isJsonObject(value) || Array.isArray(value) ? 'no number' : JSON.stringify(value);
    return [`config.json: ${name} is ${shown}, and no token of the ${vocabularySize} that the model has.`];
  });
}
