import { describe, expect, it } from 'vitest';
import { TEXT_KEYS } from '../../../src/api/chat/content.ts';
import { IMAGE_PART_KEYS, IMAGE_URL_KEYS, SOURCE_KEYS } from '../../../src/api/chat/image-parts.ts';
import { MESSAGE_KEYS } from '../../../src/api/chat/messages.ts';
import { CALL_KEYS, FUNCTION_KEYS } from '../../../src/api/chat/tool-calls.ts';
import type { KeyTable } from '../../../src/api/json-object.ts';
import { failureOf } from './support.ts';

const message = (fields: object) => ({ messages: [{ role: 'assistant', ...fields }] });
const part = (fields: object) => message({ content: [{ type: 'text', text: 'a', ...fields }] });
const call = (fields: object) => message({ tool_calls: [{ function: { name: 'f' }, ...fields }] });

/** A request with these keys in one of its objects, beside what it must have. */
const objects: Readonly<Record<string, [keys: KeyTable, request: (fields: object) => object]>> = {
  'messages[0]': [MESSAGE_KEYS, message],
  'messages[0].content[0]': [TEXT_KEYS, part],
  'messages[0].content[0] (image)': [IMAGE_PART_KEYS, (fields) => part({ type: 'image', text: null, ...fields })],
  'messages[0].content[0].image_url': [
    IMAGE_URL_KEYS,
    (fields) => part({ type: 'image_url', text: null, image_url: { url: 'data:,a', ...fields } }),
  ],
  'messages[0].content[0].source': [
    SOURCE_KEYS,
    (fields) => part({ type: 'image', text: null, source: { type: 'data' in fields ? 'base64' : 'url', ...fields } }),
  ],
  'messages[0].tool_calls[0]': [CALL_KEYS, call],
  'messages[0].tool_calls[0].function': [FUNCTION_KEYS, (fields) => call({ function: { name: 'f', ...fields } })],
};

const keysRead = Object.entries(objects).flatMap(([path, [table, request]]) =>
  Object.keys(table)
    .filter((key) => table[key] === 'read')
    .map((key) => [`${path.replace(/ .*/, '')}.${key}`, request({ [key]: 5 })] as const),
);

describe('a key that is read', () => {
  it.each(keysRead)('%s is looked at', (path, request) => {
    expect(failureOf(request).param).toBe(path);
  });
});
