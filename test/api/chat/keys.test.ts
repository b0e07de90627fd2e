import { describe, expect, it } from 'vitest';
import { TEXT_KEYS } from '../../../src/api/request/content.ts';
import { IMAGE_PART_KEYS, IMAGE_URL_KEYS, SOURCE_KEYS } from '../../../src/api/request/image-parts.ts';
import { MESSAGE_KEYS } from '../../../src/api/chat/messages.ts';
import { FORMAT_KEYS, JSON_SCHEMA_KEYS } from '../../../src/api/request/answer-format.ts';
import {
  ALLOWED_KEYS,
  ALLOWED_TOOLS_KEYS,
  NAMED_FUNCTION_KEYS,
  NAMED_KEYS,
} from '../../../src/api/request/tool-choice.ts';
import { TOOL_FUNCTION_KEYS, TOOL_KEYS } from '../../../src/api/request/tools.ts';
import { CALL_KEYS, FUNCTION_KEYS } from '../../../src/api/chat/tool-calls.ts';
import type { KeyTable } from '../../../src/api/request/json-object.ts';
import { failureOf } from './support.ts';

const sourceType = (fields: object) => ('data' in fields ? 'base64' : 'file_id' in fields ? 'file' : 'url');
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
    (fields) => part({ type: 'image', text: null, source: { type: sourceType(fields), ...fields } }),
  ],
  'messages[0].tool_calls[0]': [CALL_KEYS, call],
  'messages[0].tool_calls[0].function': [FUNCTION_KEYS, (fields) => call({ function: { name: 'f', ...fields } })],
};

const tool = { type: 'function', function: { name: 'f' } };
const choice = (tool_choice: object) => ({ tools: [tool], tool_choice });
const format = (type: string) => (fields: object) => ({ response_format: { type, ...fields } });
const toolObjects: typeof objects = {
  'tools[0]': [TOOL_KEYS, (fields) => ({ tools: [{ ...tool, ...fields }] })],
  'tools[0].function': [TOOL_FUNCTION_KEYS, (fields) => ({ tools: [{ function: { ...tool.function, ...fields } }] })],
  tool_choice: [NAMED_KEYS, (fields) => choice({ ...tool, ...fields })],
  'tool_choice.function': [NAMED_FUNCTION_KEYS, (fields) => choice({ function: { name: 'f', ...fields } })],
  'tool_choice (allowed)': [ALLOWED_KEYS, (fields) => choice({ type: 'allowed_tools', tools: [tool], ...fields })],
  'tool_choice.allowed_tools': [
    ALLOWED_TOOLS_KEYS,
    (fields) => choice({ type: 'allowed_tools', allowed_tools: { tools: [tool], ...fields } }),
  ],
  'response_format (json_object)': [FORMAT_KEYS.json_object, format('json_object')],
  'response_format (json_schema)': [
    FORMAT_KEYS.json_schema,
    (fields) => format('json_schema')({ ...('json_schema' in fields ? {} : { schema: {} }), ...fields }),
  ],
  'response_format.json_schema': [
    JSON_SCHEMA_KEYS,
    (fields) => format('json_schema')({ json_schema: { schema: {}, ...fields } }),
  ],
  'response_format (json)': [FORMAT_KEYS.json, format('json')],
  'response_format (regex)': [FORMAT_KEYS.regex, format('regex')],
  'response_format (grammar)': [FORMAT_KEYS.grammar, format('grammar')],
};

const keysRead = Object.entries({ ...objects, ...toolObjects }).flatMap(([path, [table, request]]) =>
  Object.keys(table)
    .filter((key) => table[key] === 'read')
    .map((key) => [`${path.replace(/ .*/, '')}.${key}`, request({ [key]: -5 })] as const),
);

describe('a key that is read', () => {
  it.each(keysRead)('%s is looked at', (path, request) => {
    expect(failureOf(request).param).toBe(path);
  });
});
