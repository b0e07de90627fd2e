import { invalid, show } from '../invalid-request.ts';
import type { KeyTable, KeysRead, ReadOptions } from '../json-object.ts';
import { isJsonObject, readKeys } from '../json-object.ts';
import { textOf } from '../long-text.ts';
import type { ParsedMessage, ParsedPart } from '../parsed-request.ts';
import { anything, isEmpty } from '../values.ts';
import { readContent, readImages } from './content.ts';
import { MISPLACED_IMAGES } from './image-parts.ts';
import { ToolCalls } from './tool-calls.ts';

type Role = ParsedMessage['role'];

const ROLES: ReadonlyMap<unknown, Role> = new Map([
  ['system', 'system'],
  ['developer', 'system'],
  ['user', 'user'],
  ['assistant', 'assistant'],
  ['tool', 'tool'],
  ['function', 'tool'],
]);

const MESSAGE_KEYS = {
  ...MISPLACED_IMAGES,
  role: 'read',
  content: 'read',
  name: 'read',
  refusal: 'read',
  // Thoughts, as DeepSeek, vLLM with OpenRouter, and Ollama call them.
  reasoning_content: 'read',
  reasoning: 'read',
  thinking: 'read',
  tool_calls: 'read',
  tool_call_id: 'read',
  function_call: 'read',
  // Ollama's.
  images: 'read',
  tool_name: 'read',
  // Would be lost.
  attachments: isEmpty,
  audio: isEmpty,
  experimental_attachments: isEmpty,
  files: isEmpty,
  videos: isEmpty,
  // Thoughts in a form that only the provider can read that wrote them.
  reasoning_details: anything,
  thinking_blocks: anything,
  // An answer at the end is continued in any case.
  partial: anything,
  prefix: anything,
  annotations: anything,
  cache_control: anything,
  created_at: anything,
  createdAt: anything,
  id: anything,
  metadata: anything,
  provider_specific_fields: anything,
  timestamp: anything,
} as const satisfies KeyTable;

/**
 * Reads `messages`. Nothing in them is dropped: what is not understood is refused. Throws `invalid_request` or
 * `unsupported_parameter`, naming the place.
 */
export function readMessages(messages: unknown, options: ReadOptions): ParsedMessage[] {
  if (!Array.isArray(messages) || messages.length === 0) {
    throw invalid('messages', 'messages must be a list with at least one message.');
  }
  const calls = new ToolCalls(options);
  return messages.map((message: unknown, index) => readMessage(message, `messages[${String(index)}]`, calls, options));
}

function readMessage(message: unknown, path: string, calls: ToolCalls, options: ReadOptions): ParsedMessage {
  if (!isJsonObject(message)) {
    throw invalid(path, `${path} must be an object with a role and content, not ${show(message)}.`);
  }
  const keys = readKeys(message, path, MESSAGE_KEYS, options);
  const role = ROLES.get(keys.role);
  if (role === undefined) {
    throw invalid(
      `${path}.role`,
      `${path}.role must be one of ${[...ROLES.keys()].join(', ')}, not ${show(keys.role)}.`,
    );
  }
  const content = readAllContent(keys, path, options);
  const name = readText(keys.name ?? keys.tool_name, `${path}.name`);
  const reasoning = readReasoning(keys, path);
  return {
    role,
    content,
    ...(name === undefined ? {} : { name }),
    ...(reasoning === undefined ? {} : { reasoning }),
    ...calls.read(role, keys, path),
  };
}

/** Ollama's images stand before the text, as it puts them there. A refusal is what the assistant said. */
function readAllContent(keys: KeysRead<typeof MESSAGE_KEYS>, path: string, options: ReadOptions): ParsedPart[] {
  const refusal = readText(keys.refusal, `${path}.refusal`);
  return [
    ...readImages(keys.images, `${path}.images`),
    ...readContent(keys.content, `${path}.content`, options),
    ...(refusal === undefined ? [] : [{ type: 'text' as const, text: refusal }]),
  ];
}

function readReasoning(keys: KeysRead<typeof MESSAGE_KEYS>, path: string): string | undefined {
  const { reasoning_content, reasoning, thinking } = keys;
  const given = Object.entries({ reasoning_content, reasoning, thinking }).map(([key, value]) =>
    readText(value, `${path}.${key}`),
  );
  return given.find((text) => text !== undefined);
}

/** A text, undefined where it is empty. */
function readText(value: unknown, path: string): string | undefined {
  const text = value === undefined ? '' : textOf(value);
  if (text === undefined) throw invalid(path, `${path} must be a text, not ${show(value)}.`);
  return text === '' ? undefined : text;
}
