import { invalid, show } from '../request/invalid-request.ts';
import type { JsonObject } from '../request/json-object.ts';
import { isJsonObject } from '../request/json-object.ts';
import { textOf } from '../request/long-text.ts';
import type { ResponseArchive } from './archive.ts';
import type { PlacedItem } from './conversation.ts';

/** Reads `input`: a text of the user, or items. Each gets the type that it implies. Throws `invalid_request`. */
export function readInput(input: unknown): readonly JsonObject[] {
  const text = textOf(input);
  if (text !== undefined) {
    return [{ type: 'message', role: 'user', content: [{ type: 'input_text', text }] }];
  }
  if (!Array.isArray(input)) {
    throw invalid('input', `input must be a string or an array of items, not ${show(input)}.`);
  }
  return input.map((item: unknown, index) => withType(item, `input[${String(index)}]`));
}

function withType(item: unknown, path: string): JsonObject {
  if (!isJsonObject(item)) throw invalid(path, `${path} must be an object with a type, not ${show(item)}.`);
  const { type } = item;
  if (type !== undefined && type !== null) return item;
  if (item['role'] !== undefined) return { ...item, type: 'message' };
  if (typeof item['id'] === 'string' && Object.keys(item).length <= 2) return { ...item, type: 'item_reference' };
  throw invalid(`${path}.type`, `${path}.type is missing.`);
}

/** The items with their places; references are replaced by what they refer to. Throws `response_not_found`. */
export function placedItems(input: readonly JsonObject[], archive: ResponseArchive): PlacedItem[] {
  return input.map((item, index) => {
    const path = `input[${String(index)}]`;
    return { item: item['type'] === 'item_reference' ? archive.item(textOf(item['id']) ?? '', path) : item, path };
  });
}
