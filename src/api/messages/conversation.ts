import type { ParsedMessage, ParsedPart } from '../parsed-request.ts';
import { invalid, show } from '../request/invalid-request.ts';
import type { JsonObject, KeyTable, ReadOptions } from '../request/json-object.ts';
import { isJsonObject, readKeys } from '../request/json-object.ts';
import { OpenCalls } from '../request/open-calls.ts';
import { anything } from '../request/values.ts';
import { readBlocks } from './block-reader.ts';
import { TEXT_BLOCKS } from './content-blocks.ts';
import type { ToolResult, TurnBlock } from './turn-blocks.ts';
import { TURN_BLOCKS } from './turn-blocks.ts';
import { systemText } from './system-text.ts';

type Role = keyof typeof TURN_BLOCKS;

export const MESSAGE_KEYS = {
  role: 'read',
  content: 'read',
  // An answer may be sent back as it came.
  container: anything,
  context_management: anything,
  diagnostics: anything,
  id: anything,
  model: anything,
  parsed_output: anything,
  stop_details: anything,
  stop_reason: anything,
  stop_sequence: anything,
  type: anything,
  usage: anything,
} as const satisfies KeyTable;

/** Between the texts of two turns that become one. */
const PARAGRAPH: ParsedPart = { type: 'text', text: '\n\n' };

/**
 * Reads `system` and `messages` as a conversation that chat templates know: one system message at the beginning, turns of
 * the same role in a row as one, and the results of tools as messages of their own, before what else the user says. Throws
 * `invalid_request` or `unsupported_parameter` with the path.
 */
export function readConversation(body: JsonObject, options: ReadOptions): ParsedMessage[] {
  const { messages } = body;
  if (!Array.isArray(messages) || messages.length === 0) {
    const given = Array.isArray(messages) ? 'an empty one' : show(messages);
    throw invalid('messages', `messages must be an array of at least one message, not ${given}.`);
  }
  const conversation = new Conversation();
  conversation.addSystem(readSystem(body['system'], options));
  for (const [index, message] of messages.entries()) {
    const path = `messages[${String(index)}]`;
    const { role, blocks } = readMessage(message, path, options);
    if (role === 'system') conversation.addSystem(systemText(blocks));
    else if (role === 'user') conversation.addUser(blocks);
    else conversation.addAssistant(blocks);
  }
  return conversation.messages;
}

function readSystem(system: unknown, options: ReadOptions): string {
  if (system === undefined || system === null) return '';
  return systemText(readBlocks(system, 'system', TEXT_BLOCKS, options));
}

function readMessage(message: unknown, path: string, options: ReadOptions): { role: Role; blocks: TurnBlock[] } {
  if (!isJsonObject(message)) {
    throw invalid(path, `${path} must be an object with a role and content, not ${show(message)}.`);
  }
  const { role, content } = readKeys(message, path, MESSAGE_KEYS, options);
  if (!isRole(role)) {
    throw invalid(`${path}.role`, `${path}.role must be user, assistant or system, not ${show(role)}.`);
  }
  return { role, blocks: readBlocks<TurnBlock>(content, `${path}.content`, TURN_BLOCKS[role], options) };
}

function isRole(role: unknown): role is Role {
  return typeof role === 'string' && Object.hasOwn(TURN_BLOCKS, role);
}

class Conversation {
  readonly messages: ParsedMessage[] = [];
  readonly #calls = new OpenCalls();

  /** In the middle, where hardly a template takes one, a system message becomes a part of the user's turn. */
  addSystem(text: string): void {
    if (text === '') return;
    const last = this.messages.at(-1);
    if (last === undefined || last.role === 'system') this.#add({ role: 'system', content: [{ type: 'text', text }] });
    else this.#add({ role: 'user', content: [{ type: 'text', text: `<system>\n${text}\n</system>` }] });
  }

  addUser(blocks: readonly TurnBlock[]): void {
    const results = blocks.filter((block) => 'type' in block && block.type === 'tool-result');
    for (const result of results) this.#addResult(result);
    const content = partsOf(blocks);
    if (content.length > 0 || results.length === 0) this.#add({ role: 'user', content });
  }

  addAssistant(blocks: readonly TurnBlock[]): void {
    const reasoning = blocks.flatMap((block) => ('type' in block && block.type === 'thinking' ? [block.text] : []));
    const toolCalls = blocks.flatMap((block) => ('type' in block && block.type === 'tool-call' ? [block.call] : []));
    for (const { id, name } of toolCalls) this.#calls.add(id, name);
    this.#add({
      role: 'assistant',
      content: partsOf(blocks),
      ...(reasoning.join('') === '' ? {} : { reasoning: reasoning.join('') }),
      ...(toolCalls.length === 0 ? {} : { toolCalls }),
    });
  }

  #addResult({ callId, content, path }: ToolResult): void {
    const name = this.#calls.nameOf(callId);
    if (name === undefined) {
      const place = `${path}.tool_use_id`;
      throw invalid(place, `${place} must be the id of an earlier tool_use block, not ${show(callId)}.`);
    }
    this.#calls.answer(callId);
    this.messages.push({ role: 'tool', content, toolCallId: callId, name });
  }

  #add(message: ParsedMessage): void {
    const last = this.messages.at(-1);
    if (last?.role === message.role) this.messages.splice(-1, 1, joined(last, message));
    else this.messages.push(message);
  }
}

function joined(one: ParsedMessage, other: ParsedMessage): ParsedMessage {
  const areApart = one.content.length > 0 && other.content.length > 0;
  const reasoning = (one.reasoning ?? '') + (other.reasoning ?? '');
  const toolCalls = [...(one.toolCalls ?? []), ...(other.toolCalls ?? [])];
  return {
    role: one.role,
    content: [...one.content, ...(areApart ? [PARAGRAPH] : []), ...other.content],
    ...(reasoning === '' ? {} : { reasoning }),
    ...(toolCalls.length === 0 ? {} : { toolCalls }),
  };
}

function partsOf(blocks: readonly TurnBlock[]): ParsedPart[] {
  return blocks.flatMap((block) => {
    if (!('type' in block)) return block;
    return isPart(block) ? [block] : [];
  });
}

function isPart(block: Exclude<TurnBlock, readonly ParsedPart[]>): block is ParsedPart {
  return block.type !== 'tool-result' && block.type !== 'thinking' && block.type !== 'tool-call';
}
