import { contradiction, invalid, show } from '../request/invalid-request.ts';
import type { KeyTable, KeysRead, ReadOptions } from '../request/json-object.ts';
import { isJsonObject, readKeys } from '../request/json-object.ts';
import { textOf } from '../request/long-text.ts';
import type { ParsedMessage, ParsedPart } from '../parsed-request.ts';
import { anything, isEmpty } from '../request/values.ts';
import { readContent, readImages } from '../request/content.ts';
import { MISPLACED_IMAGES } from '../request/image-parts.ts';
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

export const MESSAGE_KEYS = {
  ...MISPLACED_IMAGES,
  role: 'read',
  content: 'read',
  name: 'read',
  refusal: 'read',
  // The reasoning, as DeepSeek, vLLM and OpenRouter, and Ollama name it.
  reasoning_content: 'read',
  reasoning: 'read',
  thinking: 'read',
  tool_calls: 'read',
  tool_call_id: 'read',
  function_call: 'read',
  // Ollama's.
  images: 'read',
  tool_name: 'read',
  // Media that would be lost.
  attachments: isEmpty,
  audio: isEmpty,
  experimental_attachments: isEmpty,
  files: isEmpty,
  videos: isEmpty,
  // Signed or encrypted reasoning, which only its own provider can read.
  reasoning_details: anything,
  thinking_blocks: anything,
  // Marks a final message to be continued, which is the default.
  partial: anything,
  prefix: anything,
  annotations: anything,
  cache_control: anything,
  created_at: anything,
  createdAt: anything,
  id: anything,
  metadata: anything,
  parsed: anything,
  provider_specific_fields: anything,
  timestamp: anything,
} as const satisfies KeyTable;

/**
 * Reads `messages`. Nothing in them is dropped: whatever is not understood is refused. Throws `invalid_request` or
 * `unsupported_parameter` with the path.
 */
export function readMessages(messages: unknown, options: ReadOptions): ParsedMessage[] {
  if (!Array.isArray(messages) || messages.length === 0) {
    const given = Array.isArray(messages) ? 'an empty one' : show(messages);
    throw invalid('messages', `messages must be an array of at least one message, not ${given}.`);
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
  const toolName = readText(keys.tool_name, `${path}.tool_name`);
  const name = readText(keys.name, `${path}.name`) ?? toolName;
  const reasoning = readReasoning(keys, path, role);
  return {
    role,
    content,
    ...(name === undefined ? {} : { name }),
    ...(reasoning === undefined ? {} : { reasoning }),
    ...calls.read(role, keys, path),
  };
}

/** Ollama puts a message's images before its text. A refusal is part of what the assistant said. */
function readAllContent(keys: KeysRead<typeof MESSAGE_KEYS>, path: string, options: ReadOptions): ParsedPart[] {
  const refusal = readText(keys.refusal, `${path}.refusal`);
  return [
    ...readImages(keys.images, `${path}.images`),
    ...readContent(keys.content, `${path}.content`, options),
    ...(refusal === undefined ? [] : [{ type: 'text' as const, text: refusal }]),
  ];
}

/** The assistant's reasoning, under any of its names. */
function readReasoning(keys: KeysRead<typeof MESSAGE_KEYS>, path: string, role: Role): string | undefined {
  const { reasoning_content, reasoning, thinking } = keys;
  const given = Object.entries({ reasoning_content, reasoning, thinking })
    .map(([key, value]) => ({ place: `${path}.${key}`, text: readText(value, `${path}.${key}`) }))
    .filter(({ text }) => text !== undefined);
  const [first, ...others] = given;
  if (first === undefined) return undefined;
  if (role !== 'assistant')
    throw invalid(first.place, `${first.place} is only allowed in a message with role assistant.`);
  const other = others.find(({ text }) => text !== first.text);
  if (other !== undefined) throw contradiction(first.place, other.place);
  return first.text;
}

/** A string; undefined if it is empty. */
function readText(value: unknown, path: string): string | undefined {
  const text = value === undefined ? '' : textOf(value);
  if (text === undefined) throw invalid(path, `${path} must be a string, not ${show(value)}.`);
  return text === '' ? undefined : text;
}
