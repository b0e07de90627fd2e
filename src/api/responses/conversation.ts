import type { ToolCall } from '../../backend/index.ts';
import type { ParsedMessage, ParsedPart } from '../parsed-request.ts';
import { readContent } from '../request/content.ts';
import { MISPLACED_IMAGES } from '../request/image-parts.ts';
import { invalid, show } from '../request/invalid-request.ts';
import type { JsonObject, KeyTable, ReadOptions } from '../request/json-object.ts';
import { readKeys, unsupported } from '../request/json-object.ts';
import { textOf } from '../request/long-text.ts';
import { OpenCalls } from '../request/open-calls.ts';
import { readArguments } from '../request/tool-arguments.ts';
import { anything } from '../request/values.ts';
import { customArguments } from './custom-tool.ts';
import { readReasoning } from './reasoning-item.ts';
import { nameIn } from './tools.ts';

/** An item of a conversation, and its path for errors. */
export interface PlacedItem {
  readonly item: JsonObject;
  readonly path: string;
}

type ItemReader = (item: JsonObject, path: string, options: ReadOptions) => void;

/** An assistant's turn, which items are added to. */
interface Turn {
  readonly role: 'assistant';
  content: ParsedPart[];
  reasoning?: string;
  toolCalls?: ToolCall[];
}

const ROLES: ReadonlyMap<unknown, 'system' | 'user' | 'assistant'> = new Map([
  ['system', 'system'],
  ['developer', 'system'],
  ['user', 'user'],
  ['assistant', 'assistant'],
]);

/** What items have that makes no difference to a model. */
const WITHOUT_EFFECT = { id: anything, status: anything, caller: anything, created_by: anything } as const;

export const MESSAGE_ITEM_KEYS = {
  ...MISPLACED_IMAGES,
  ...WITHOUT_EFFECT,
  type: 'read',
  role: 'read',
  content: 'read',
  phase: anything,
} as const satisfies KeyTable;

export const CALL_ITEM_KEYS = {
  ...WITHOUT_EFFECT,
  type: 'read',
  call_id: 'read',
  name: 'read',
  namespace: 'read',
  arguments: 'read',
  // What the clients' parsers add.
  parsed_arguments: anything,
} as const satisfies KeyTable;

export const CUSTOM_CALL_ITEM_KEYS = {
  ...WITHOUT_EFFECT,
  type: 'read',
  call_id: 'read',
  name: 'read',
  namespace: 'read',
  input: 'read',
} as const satisfies KeyTable;

export const CALL_OUTPUT_KEYS = {
  ...MISPLACED_IMAGES,
  ...WITHOUT_EFFECT,
  type: 'read',
  call_id: 'read',
  name: anything,
  namespace: anything,
  output: 'read',
} as const satisfies KeyTable;

/**
 * Makes messages of items. What the assistant did between two turns of others, its thoughts, its text and its calls, is one
 * message.
 */
export class Conversation {
  readonly #messages: ParsedMessage[] = [];
  readonly #calls = new OpenCalls();
  #turn: Turn | undefined;
  readonly #readers: ReadonlyMap<unknown, ItemReader> = new Map<unknown, ItemReader>([
    ['message', (item, path, options) => this.#addMessage(item, path, options)],
    ['function_call', (item, path, options) => this.#addCall(item, path, options)],
    ['custom_tool_call', (item, path, options) => this.#addCustomCall(item, path, options)],
    ['function_call_output', (item, path, options) => this.#addOutput(item, path, options)],
    ['custom_tool_call_output', (item, path, options) => this.#addOutput(item, path, options)],
    ['reasoning', (item, path, options) => this.#addReasoning(item, path, options)],
  ]);

  get messages(): readonly ParsedMessage[] {
    return this.#messages;
  }

  addInstructions(text: string): void {
    this.#messages.push({ role: 'system', content: [{ type: 'text', text }] });
  }

  /** Throws `invalid_request`, `unsupported_parameter`. */
  add({ item, path }: PlacedItem, options: ReadOptions): void {
    const { type } = item;
    const read = this.#readers.get(type);
    if (read === undefined) {
      throw unsupported(`${path}.type`, type, `It must be one of ${[...this.#readers.keys()].join(', ')}.`);
    }
    read(item, path, options);
  }

  #addMessage(item: JsonObject, path: string, options: ReadOptions): void {
    const keys = readKeys(item, path, MESSAGE_ITEM_KEYS, options);
    const role = ROLES.get(keys.role);
    if (role === undefined) {
      throw invalid(
        `${path}.role`,
        `${path}.role must be one of ${[...ROLES.keys()].join(', ')}, not ${show(keys.role)}.`,
      );
    }
    const content = readContent(keys.content, `${path}.content`, options);
    if (role === 'assistant') this.#assistantTurn().content.push(...content);
    else this.#addTurn({ role, content });
  }

  /** The system messages at the head are one: few templates take several. */
  #addTurn(message: ParsedMessage): void {
    const before = this.#messages.at(-1);
    const isHead = this.#messages.length === 1 && before?.role === 'system' && message.role === 'system';
    const joined = isHead ? joinedText([...before.content, ...message.content]) : undefined;
    if (joined === undefined) this.#messages.push(message);
    else this.#messages[0] = { role: 'system', content: [{ type: 'text', text: joined }] };
    this.#turn = undefined;
  }

  #addCall(item: JsonObject, path: string, options: ReadOptions): void {
    const { arguments: given, ...call } = readKeys(item, path, CALL_ITEM_KEYS, options);
    this.#call(call, readArguments(given, `${path}.arguments`), path);
  }

  #addCustomCall(item: JsonObject, path: string, options: ReadOptions): void {
    const { input = '', ...call } = readKeys(item, path, CUSTOM_CALL_ITEM_KEYS, options);
    this.#call(call, customArguments(readText(input, `${path}.input`)), path);
  }

  #call(
    keys: { readonly call_id?: unknown; readonly name?: unknown; readonly namespace?: unknown },
    text: string,
    path: string,
  ): void {
    const id = readName(keys.call_id, `${path}.call_id`);
    const bare = readName(keys.name, `${path}.name`);
    const name = keys.namespace === undefined ? bare : nameIn(readText(keys.namespace, `${path}.namespace`), bare);
    this.#calls.add(id, name);
    (this.#assistantTurn().toolCalls ??= []).push({ id, name, arguments: text });
  }

  #addOutput(item: JsonObject, path: string, options: ReadOptions): void {
    const { call_id: given, output } = readKeys(item, path, CALL_OUTPUT_KEYS, options);
    const toolCallId = textOf(given) ?? '';
    const name = this.#calls.nameOf(toolCallId);
    if (name === undefined) {
      const place = `${path}.call_id`;
      throw invalid(
        place,
        `${place} must be that of a call before it, not ${show(given)}. Send the call, too, or previous_response_id.`,
      );
    }
    if (output === undefined) throw invalid(`${path}.output`, `${path}.output is missing.`);
    this.#calls.answer(toolCallId);
    this.#addTurn({ role: 'tool', content: readContent(output, `${path}.output`, options), toolCallId, name });
  }

  #addReasoning(item: JsonObject, path: string, options: ReadOptions): void {
    const reasoning = readReasoning(item, path, options);
    if (reasoning === undefined) return;
    const turn = this.#assistantTurn();
    turn.reasoning = turn.reasoning === undefined ? reasoning : `${turn.reasoning}\n\n${reasoning}`;
  }

  #assistantTurn(): Turn {
    if (this.#turn === undefined) {
      this.#turn = { role: 'assistant', content: [] };
      this.#messages.push(this.#turn);
    }
    return this.#turn;
  }
}

/** The texts of parts in one; undefined if there is anything else among them. */
function joinedText(parts: readonly ParsedPart[]): string | undefined {
  if (parts.some(({ type }) => type !== 'text')) return undefined;
  return parts.map((part) => (part.type === 'text' ? part.text : '')).join('\n\n');
}

function readName(value: unknown, path: string): string {
  const text = textOf(value);
  if (text === undefined || text === '') throw invalid(path, `${path} must be a non-empty string, not ${show(value)}.`);
  return text;
}

function readText(value: unknown, path: string): string {
  const text = textOf(value);
  if (text === undefined) throw invalid(path, `${path} must be a string, not ${show(value)}.`);
  return text;
}
