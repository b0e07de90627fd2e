import type { ToolCall } from '../../backend/index.ts';
import type { ParsedMessage } from '../parsed-request.ts';
import { readContent, readImages } from '../request/content.ts';
import { MISPLACED_IMAGES } from '../request/image-parts.ts';
import { invalid, show } from '../request/invalid-request.ts';
import type { KeyTable, KeysRead, ReadOptions } from '../request/json-object.ts';
import { isJsonObject, readKeys } from '../request/json-object.ts';
import { textOf } from '../request/long-text.ts';
import { OpenCalls } from '../request/open-calls.ts';
import { readArguments } from '../request/tool-arguments.ts';
import { anything, isOneOf } from '../request/values.ts';

const ROLES: ReadonlyMap<string, ParsedMessage['role']> = new Map([
  ['system', 'system'],
  ['user', 'user'],
  ['assistant', 'assistant'],
  ['tool', 'tool'],
]);

const MESSAGE_KEYS = {
  ...MISPLACED_IMAGES,
  role: 'read',
  content: 'read',
  thinking: 'read',
  images: 'read',
  tool_calls: 'read',
  tool_name: 'read',
  tool_call_id: 'read',
  // An older name of tool_name.
  name: 'read',
} as const satisfies KeyTable;

const CALL_KEYS = { id: 'read', type: isOneOf('function'), function: 'read' } as const satisfies KeyTable;
const FUNCTION_KEYS = {
  name: 'read',
  arguments: 'read',
  index: anything,
  description: anything,
} as const satisfies KeyTable;

type MessageKeys = KeysRead<typeof MESSAGE_KEYS>;

/**
 * Reads Ollama's `messages`. Calls may have no ids: a result without one answers the first open call, of its tool if it
 * names one. Throws `invalid_request` or `unsupported_parameter` with the path.
 */
export function readMessages(messages: unknown, options: ReadOptions): ParsedMessage[] {
  if (messages === undefined || messages === null) return [];
  if (!Array.isArray(messages)) throw invalid('messages', `messages must be an array, not ${show(messages)}.`);
  const calls = new OpenCalls();
  return messages.map((message: unknown, index) => readMessage(message, `messages[${String(index)}]`, calls, options));
}

function readMessage(message: unknown, path: string, calls: OpenCalls, options: ReadOptions): ParsedMessage {
  if (!isJsonObject(message)) {
    throw invalid(path, `${path} must be an object with a role and content, not ${show(message)}.`);
  }
  const keys = readKeys(message, path, MESSAGE_KEYS, options);
  const role = readRole(keys.role, `${path}.role`);
  const reasoning = readText(keys.thinking, `${path}.thinking`);
  return {
    role,
    content: [...readImages(keys.images, `${path}.images`), ...readContent(keys.content, `${path}.content`, options)],
    ...(reasoning === undefined || role !== 'assistant' ? {} : { reasoning }),
    ...(role === 'tool' ? readResult(keys, path, calls) : readCalls(keys, role, path, calls, options)),
  };
}

function readRole(role: unknown, path: string): ParsedMessage['role'] {
  const known = typeof role === 'string' ? ROLES.get(role.toLowerCase()) : undefined;
  if (known !== undefined) return known;
  throw invalid(path, `${path} must be one of ${[...ROLES.keys()].join(', ')}, not ${show(role)}.`);
}

function readResult(keys: MessageKeys, path: string, calls: OpenCalls): Pick<ParsedMessage, 'toolCallId' | 'name'> {
  const given = readText(keys.tool_call_id, `${path}.tool_call_id`);
  const name = readText(keys.tool_name, `${path}.tool_name`) ?? readText(keys.name, `${path}.name`);
  const toolCallId = given === undefined ? calls.next(name) : given;
  if (toolCallId === undefined || calls.nameOf(toolCallId) === undefined) {
    const place = `${path}.${given === undefined ? 'tool_name' : 'tool_call_id'}`;
    throw invalid(place, `${place} must refer to a tool call of an earlier message, not ${show(given ?? name)}.`);
  }
  calls.answer(toolCallId);
  const called = name ?? calls.nameOf(toolCallId);
  return called === undefined ? { toolCallId } : { toolCallId, name: called };
}

function readCalls(
  keys: MessageKeys,
  role: ParsedMessage['role'],
  path: string,
  calls: OpenCalls,
  options: ReadOptions,
): Pick<ParsedMessage, 'toolCalls'> {
  const place = `${path}.tool_calls`;
  const { tool_calls: given = [] } = keys;
  if (!Array.isArray(given)) throw invalid(place, `${place} must be an array of tool calls, not ${show(given)}.`);
  if (given.length === 0) return {};
  if (role !== 'assistant') throw invalid(place, `${place} is only allowed in a message with role assistant.`);
  return {
    toolCalls: given.map((call: unknown, index) => readCall(call, `${place}[${String(index)}]`, calls, options)),
  };
}

function readCall(call: unknown, path: string, calls: OpenCalls, options: ReadOptions): ToolCall {
  if (!isJsonObject(call)) throw invalid(path, `${path} must be an object with a function, not ${show(call)}.`);
  const { id: given, function: called } = readKeys(call, path, CALL_KEYS, options);
  const place = `${path}.function`;
  if (!isJsonObject(called)) throw invalid(place, `${place} must be an object with a name, not ${show(called)}.`);
  const { name, arguments: values } = readKeys(called, place, FUNCTION_KEYS, options);
  if (typeof name !== 'string' || name === '') {
    throw invalid(`${place}.name`, `${place}.name must be a string, not ${show(name)}.`);
  }
  const id = readText(given, `${path}.id`) ?? calls.newId();
  calls.add(id, name);
  return { id, name, arguments: readArguments(values, `${place}.arguments`) };
}

/** A string; undefined if it is empty. */
function readText(value: unknown, path: string): string | undefined {
  const text = value === undefined ? '' : textOf(value);
  if (text === undefined) throw invalid(path, `${path} must be a string, not ${show(value)}.`);
  return text === '' ? undefined : text;
}
