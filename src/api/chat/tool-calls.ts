import type { ToolCall } from '../../backend/index.ts';
import { invalid, show } from '../request/invalid-request.ts';
import type { KeyTable, ReadOptions } from '../request/json-object.ts';
import { isJsonObject, readKeys } from '../request/json-object.ts';
import { textOf } from '../request/long-text.ts';
import { OpenCalls } from '../request/open-calls.ts';
import type { ParsedMessage } from '../parsed-request.ts';
import { readArguments } from '../request/tool-arguments.ts';
import { requireFunction } from '../request/tools.ts';
import { anything } from '../request/values.ts';

type OfTools = Pick<ParsedMessage, 'toolCalls' | 'toolCallId' | 'name'>;

/** The keys of a message that have to do with tools. */
interface ToolKeys {
  readonly role?: unknown;
  readonly name?: unknown;
  readonly tool_name?: unknown;
  readonly tool_calls?: unknown;
  readonly tool_call_id?: unknown;
  readonly function_call?: unknown;
}

export const CALL_KEYS = {
  id: 'read',
  type: 'read',
  function: 'read',
  index: anything,
  cache_control: anything,
  extra_content: anything,
  provider_specific_fields: anything,
} as const satisfies KeyTable;

export const FUNCTION_KEYS = {
  name: 'read',
  arguments: 'read',
  description: anything,
  index: anything,
  parsed_arguments: anything,
} as const satisfies KeyTable;

/** Reads the tool calls and tool results of a conversation, message by message. */
export class ToolCalls {
  readonly #options: ReadOptions;
  readonly #calls = new OpenCalls();

  constructor(options: ReadOptions) {
    this.#options = options;
  }

  /** Throws `invalid_request`, `unsupported_parameter`. */
  read(role: ParsedMessage['role'], keys: ToolKeys, path: string): OfTools {
    if (role === 'tool') return this.#readResult(keys, path);
    if (keys.tool_call_id !== undefined) throw misplaced(`${path}.tool_call_id`, 'role tool');
    const calls = [...this.#readCalls(keys.tool_calls, `${path}.tool_calls`), ...this.#readOldCall(keys, path)];
    if (calls.length === 0) return {};
    if (role !== 'assistant') {
      throw misplaced(`${path}.${keys.tool_calls === undefined ? 'function_call' : 'tool_calls'}`, 'role assistant');
    }
    return { toolCalls: calls };
  }

  #readCalls(calls: unknown, path: string): ToolCall[] {
    if (calls === undefined) return [];
    if (!Array.isArray(calls)) throw invalid(path, `${path} must be an array of tool calls, not ${show(calls)}.`);
    return calls.map((call: unknown, index) => this.#readCall(call, `${path}[${String(index)}]`));
  }

  #readCall(call: unknown, path: string): ToolCall {
    if (!isJsonObject(call)) throw invalid(path, `${path} must be an object with a function, not ${show(call)}.`);
    requireFunction(call, path);
    const { id, function: called } = readKeys(call, path, CALL_KEYS, this.#options);
    const text = id === undefined ? this.#calls.newId() : textOf(id);
    if (text === undefined || text === '') throw invalid(`${path}.id`, `${path}.id must be a string, not ${show(id)}.`);
    return this.#add({ id: text, ...this.#readFunction(called, `${path}.function`) });
  }

  /** OpenAI's deprecated form: a single call without an id. */
  #readOldCall({ function_call: call }: ToolKeys, path: string): ToolCall[] {
    if (call === undefined) return [];
    return [this.#add({ id: this.#calls.newId(), ...this.#readFunction(call, `${path}.function_call`) })];
  }

  #add(call: ToolCall): ToolCall {
    this.#calls.add(call.id, call.name);
    return call;
  }

  #readFunction(called: unknown, path: string): Omit<ToolCall, 'id'> {
    if (!isJsonObject(called)) throw invalid(path, `${path} must be an object with a name, not ${show(called)}.`);
    const { name, arguments: given } = readKeys(called, path, FUNCTION_KEYS, this.#options);
    if (typeof name !== 'string' || name === '') {
      throw invalid(`${path}.name`, `${path}.name must be a string, not ${show(name)}.`);
    }
    return { name, arguments: readArguments(given, `${path}.arguments`) };
  }

  /** A result gets the name of its function, even if the client omits it. */
  #readResult(keys: ToolKeys, path: string): OfTools {
    const toolCallId = this.#readResultId(keys, path);
    const name = textOf(keys.name ?? keys.tool_name) ?? this.#calls.nameOf(toolCallId);
    this.#calls.answer(toolCallId);
    return name === undefined ? { toolCallId } : { toolCallId, name };
  }

  /** The id of the call that a result belongs to. A result without an id answers the first open call of its function. */
  #readResultId({ role, name, tool_name: toolName, tool_call_id: given }: ToolKeys, path: string): string {
    if (given === undefined) {
      const id = this.#calls.next(textOf(name ?? toolName));
      if (id !== undefined) return id;
      throw unknownCall(`${path}.${role === 'function' ? 'name' : 'tool_call_id'}`, name ?? toolName);
    }
    const id = textOf(given);
    if (id === undefined || this.#calls.nameOf(id) === undefined) throw unknownCall(`${path}.tool_call_id`, given);
    return id;
  }
}

function unknownCall(path: string, value: unknown) {
  return invalid(path, `${path} must refer to a tool call of an earlier assistant message, not ${show(value)}.`);
}

function misplaced(path: string, place: string) {
  return invalid(path, `${path} is only allowed in a message with ${place}.`);
}
