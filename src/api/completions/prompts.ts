import { IMAGE_MARKER } from '../../backend/index.ts';
import type { ParsedPromptPart } from '../parsed-request.ts';
import { readImageData } from '../request/image-url.ts';
import { invalid, show } from '../request/invalid-request.ts';
import type { JsonObject, KeyTable, ReadOptions } from '../request/json-object.ts';
import { isJsonObject, readKeys } from '../request/json-object.ts';
import { textOf } from '../request/long-text.ts';
import { readMixedTokens } from '../request/mixed-tokens.ts';
import { isTokenId } from '../request/token-text.ts';

export type ParsedPrompt = readonly ParsedPromptPart[];

export const MAX_PROMPTS = 2048;

/** llama-server's form of a prompt with images. */
export const IMAGE_PROMPT_KEYS = { prompt_string: 'read', multimodal_data: 'read' } as const satisfies KeyTable;

/**
 * Reads the prompts of a completion: text, token ids, a list of both, llama-server's object with images, or a list of these.
 * Throws `invalid_request`.
 */
export function readPrompts(value: unknown, options: ReadOptions): ParsedPrompt[] {
  const path = 'prompt';
  if (value === undefined || value === null) throw invalid(path, 'prompt is missing: send a string or token ids.');
  if (!Array.isArray(value) || value.some(isTokenId)) return [readPrompt(value, path, options)];
  if (value.length === 0) throw invalid(path, 'prompt is an empty list.');
  if (value.length > MAX_PROMPTS) {
    throw invalid(path, `prompt must have at most ${String(MAX_PROMPTS)} prompts, not ${String(value.length)}.`);
  }
  return value.map((prompt: unknown, index) => readPrompt(prompt, `${path}[${String(index)}]`, options));
}

function readPrompt(value: unknown, path: string, options: ReadOptions): ParsedPrompt {
  const text = textOf(value);
  if (text !== undefined) return [{ type: 'text', text }];
  if (Array.isArray(value)) return readMixedTokens(value, path);
  if (isJsonObject(value)) return readWithImages(value, path, options);
  throw invalid(path, `${path} must be a string or a list of token ids, not ${show(value)}.`);
}

/** Each marker in the text stands for the next image. */
function readWithImages(value: JsonObject, path: string, options: ReadOptions): ParsedPrompt {
  const { prompt_string: given, multimodal_data: data = [] } = readKeys(value, path, IMAGE_PROMPT_KEYS, options);
  const text = textOf(given);
  if (text === undefined) {
    throw invalid(`${path}.prompt_string`, `${path}.prompt_string must be a string, not ${show(given)}.`);
  }
  const dataPath = `${path}.multimodal_data`;
  if (!Array.isArray(data))
    throw invalid(dataPath, `${dataPath} must be a list of images in base64, not ${show(data)}.`);
  const texts = text.split(IMAGE_MARKER);
  if (texts.length - 1 !== data.length) {
    const message = `${path}.prompt_string has ${String(texts.length - 1)} markers ${IMAGE_MARKER}, and multimodal_data has ${String(data.length)} images.`;
    throw invalid(dataPath, message);
  }
  return texts.flatMap((piece, index): ParsedPromptPart[] => {
    const before: ParsedPromptPart[] = piece === '' && texts.length > 1 ? [] : [{ type: 'text', text: piece }];
    if (index === data.length) return before;
    const param = `${dataPath}[${String(index)}]`;
    return [...before, { type: 'image', url: readImageData(data[index], param), param }];
  });
}
