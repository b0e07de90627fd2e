import type { ImageProcessorSettings, PromptPart } from '../../src/backend/index.ts';
import { VserveError } from '../../src/errors/index.ts';
import type { ImageBudgets } from './image-budget/image-budgets.ts';
import type { NativeImage, NativePromptPiece } from './native-addon.ts';

interface PiecesAndImages {
  readonly prompt: readonly NativePromptPiece[];
  readonly images: readonly NativeImage[];
  /** The path of each image in the request, if known. */
  readonly places: readonly (string | undefined)[];
}

/**
 * Moves the images out of a prompt. Throws `invalid_request` for a token that the model does not have, and what `budgets`
 * refuses.
 */
export function toNativePrompt(
  parts: readonly PromptPart[],
  vocabularySize: number,
  budgets: ImageBudgets,
  imageProcessor?: ImageProcessorSettings,
): PiecesAndImages {
  const images: NativeImage[] = [];
  const places: (string | undefined)[] = [];
  const prompt = parts.map((part): NativePromptPiece => {
    if (part.type === 'text') return { text: part.text, tokens: new Int32Array(), image: -1 };
    if (part.type === 'tokens')
      return { text: '', tokens: toTokens(part.tokens, vocabularySize, part.param), image: -1 };
    places.push(part.param);
    const prepared = budgets.of(part.image, part.budget, imageProcessor);
    return { text: '', tokens: new Int32Array(), image: images.push({ ...part.image, ...prepared }) - 1 };
  });
  return { prompt, images, places };
}

/** Throws `invalid_request` for a token that the model does not have. */
export function toTokens(tokens: readonly number[], vocabularySize: number, param = 'tokens'): Int32Array {
  const unknown = tokens.findIndex((token) => !(Number.isInteger(token) && token >= 0 && token < vocabularySize));
  if (unknown === -1) return Int32Array.from(tokens);
  const message = `${param} has the token ${tokens[unknown]}, but the model's tokens are 0 to ${vocabularySize - 1}.`;
  throw new VserveError('invalid_request', message, { param });
}
