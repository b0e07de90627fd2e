import type { ToolCall } from '../../backend/index.ts';
import type { ParsedPart } from '../parsed-request.ts';
import { invalid, show } from '../request/invalid-request.ts';
import type { JsonObject, KeyTable, ReadOptions } from '../request/json-object.ts';
import { readKeys } from '../request/json-object.ts';
import { readArguments } from '../request/tool-arguments.ts';
import { readToolName } from '../request/tools.ts';
import { anything, isEmpty } from '../request/values.ts';
import type { BlockReaders } from './block-reader.ts';
import { readBlocks, requireText } from './block-reader.ts';
import { TEXT_AND_IMAGE_BLOCKS, TEXT_BLOCKS } from './content-blocks.ts';
import { readDocument, readSearchResult } from './documents.ts';

export interface ToolResult {
  readonly type: 'tool-result';
  readonly callId: string;
  readonly content: readonly ParsedPart[];
  /** Path of the block. */
  readonly path: string;
}

/** A block of a turn; the content of some is several parts. */
export type TurnBlock =
  | ParsedPart
  | readonly ParsedPart[]
  | ToolResult
  | { readonly type: 'thinking'; readonly text: string }
  | { readonly type: 'tool-call'; readonly call: ToolCall };

export const THINKING_KEYS = {
  type: 'read',
  thinking: 'read',
  cache_control: anything,
  // Not ours to check: a conversation may have begun with another server.
  signature: anything,
} as const satisfies KeyTable;

export const REDACTED_KEYS = { type: 'read', data: anything, cache_control: anything } as const satisfies KeyTable;

export const TOOL_USE_KEYS = {
  type: 'read',
  id: 'read',
  name: 'read',
  input: 'read',
  cache_control: anything,
  caller: anything,
  toolset_name: isEmpty,
} as const satisfies KeyTable;

export const TOOL_RESULT_KEYS = {
  type: 'read',
  tool_use_id: 'read',
  content: 'read',
  is_error: 'read',
  cache_control: anything,
  toolset_name: isEmpty,
} as const satisfies KeyTable;

export const TOOL_REFERENCE_KEYS = {
  type: 'read',
  tool_name: 'read',
  cache_control: anything,
} as const satisfies KeyTable;

const CONTENT_BLOCKS: BlockReaders<ParsedPart | ParsedPart[]> = {
  ...TEXT_AND_IMAGE_BLOCKS,
  document: readDocument,
  search_result: readSearchResult,
};
const RESULT_BLOCKS: BlockReaders<ParsedPart | ParsedPart[]> = {
  ...CONTENT_BLOCKS,
  tool_reference: readToolReference,
};

/** The blocks of a turn, by its role. */
export const TURN_BLOCKS = {
  user: { ...CONTENT_BLOCKS, tool_result: readToolResult },
  assistant: {
    ...TEXT_BLOCKS,
    thinking: readThinking,
    redacted_thinking: readRedactedThinking,
    tool_use: readToolUse,
  },
  system: TEXT_BLOCKS,
} as const satisfies Readonly<Record<string, BlockReaders<TurnBlock>>>;

function readThinking(block: JsonObject, path: string, options: ReadOptions): TurnBlock {
  const { thinking } = readKeys(block, path, THINKING_KEYS, options);
  return { type: 'thinking', text: requireText(thinking, `${path}.thinking`) };
}

/** Only its own provider can read it. */
function readRedactedThinking(block: JsonObject, path: string, options: ReadOptions): TurnBlock {
  readKeys(block, path, REDACTED_KEYS, options);
  return [];
}

function readToolUse(block: JsonObject, path: string, options: ReadOptions): TurnBlock {
  const { id, name, input } = readKeys(block, path, TOOL_USE_KEYS, options);
  const call = {
    id: requireId(id, `${path}.id`),
    name: readToolName(name, `${path}.name`),
    arguments: readArguments(input, `${path}.input`),
  };
  return { type: 'tool-call', call };
}

function readToolResult(block: JsonObject, path: string, options: ReadOptions): ToolResult {
  const { tool_use_id: id, content, is_error: isError } = readKeys(block, path, TOOL_RESULT_KEYS, options);
  if (isError !== undefined && typeof isError !== 'boolean') {
    throw invalid(`${path}.is_error`, `${path}.is_error must be true or false, not ${show(isError)}.`);
  }
  const parts = content === undefined ? [] : readBlocks(content, `${path}.content`, RESULT_BLOCKS, options).flat();
  return {
    type: 'tool-result',
    callId: requireId(id, `${path}.tool_use_id`),
    content: isError === true ? asError(parts) : parts,
    path,
  };
}

/** Templates do not know of errors, so the text says it, unless it does already. */
function asError(parts: readonly ParsedPart[]): readonly ParsedPart[] {
  const [first] = parts;
  if (first?.type === 'text' && /^\W*(?:tool_use_)?error\b/i.test(first.text)) return parts;
  return [{ type: 'text', text: 'Error: ' }, ...parts];
}

/** What a search for tools has found. The model knows all tools already. */
function readToolReference(block: JsonObject, path: string, options: ReadOptions): ParsedPart {
  const { tool_name: name } = readKeys(block, path, TOOL_REFERENCE_KEYS, options);
  return { type: 'text', text: `The tool ${requireText(name, `${path}.tool_name`)} is available.\n` };
}

function requireId(value: unknown, path: string): string {
  const id = requireText(value, path);
  if (id === '') throw invalid(path, `${path} must be the id of a tool call, not "".`);
  return id;
}
