import { z } from 'zod';
import { invalid, show } from './invalid-request.ts';
import type { JsonObject, KeyTable, ReadOptions } from './json-object.ts';
import { isJsonObject, readKeys, unsupported } from './json-object.ts';
import type { ReaderKind } from './kinds.ts';

/** A tool that a choice names, and where. */
interface ToolName {
  readonly name: string;
  readonly path: string;
}

/** A choice of tools as the request has it; whether they are there is not known yet. */
export type ChoiceRead =
  | { readonly type: 'auto' | 'none' | 'required' }
  | ({ readonly type: 'named' } & ToolName)
  | { readonly type: 'allowed'; readonly mode: 'auto' | 'required'; readonly tools: readonly ToolName[] };

/** The words for a choice. `any` is Mistral's. */
const WORDS: ReadonlyMap<unknown, ChoiceRead> = new Map<unknown, ChoiceRead>([
  ['auto', { type: 'auto' }],
  ['none', { type: 'none' }],
  ['required', { type: 'required' }],
  ['any', { type: 'required' }],
]);

const TYPE_ADVICE = 'It must be function or allowed_tools.';

export const NAMED_KEYS = { type: 'read', function: 'read', name: 'read' } as const satisfies KeyTable;
export const NAMED_FUNCTION_KEYS = { name: 'read' } as const satisfies KeyTable;
export const ALLOWED_KEYS = {
  type: 'read',
  allowed_tools: 'read',
  mode: 'read',
  tools: 'read',
} as const satisfies KeyTable;
export const ALLOWED_TOOLS_KEYS = { mode: 'read', tools: 'read' } as const satisfies KeyTable;

/** OpenAI's `tool_choice`: a word, one function, or the tools that are allowed. */
export const TOOL_CHOICE: ReaderKind<ChoiceRead> = {
  shape: z.union([
    z.enum(['auto', 'none', 'required', 'any']),
    z.object({ type: z.literal('function'), function: z.object({ name: z.string().min(1) }) }),
    z.object({ type: z.literal('allowed_tools'), allowed_tools: z.looseObject({}) }),
  ]),
  read(value, path, options) {
    const word = WORDS.get(value);
    if (word !== undefined) return word;
    if (!isJsonObject(value)) {
      throw invalid(path, `${path} must be none, auto, required or an object with a type, not ${show(value)}.`);
    }
    const type = value['type'] ?? 'function';
    if (type === 'function') return { type: 'named', ...readNamed(value, path, options) };
    if (type === 'allowed_tools') return readAllowed(value, path, options);
    throw unsupported(`${path}.type`, type, TYPE_ADVICE);
  },
};

/** OpenAI's deprecated `function_call`. */
export const FUNCTION_CHOICE: ReaderKind<ChoiceRead> = {
  shape: z.union([z.enum(['auto', 'none']), z.object({ name: z.string().min(1) })]),
  read(value, path, options) {
    if (value === 'auto' || value === 'none') return { type: value };
    if (!isJsonObject(value)) throw invalid(path, `${path} must be none, auto or an object, not ${show(value)}.`);
    const { name } = readKeys(value, path, NAMED_FUNCTION_KEYS, options);
    return { type: 'named', ...toolName(name, `${path}.name`) };
  },
};

/** The name stands in `function`, or beside the type, as in OpenAI's Responses. */
function readNamed(choice: JsonObject, path: string, options: ReadOptions): ToolName {
  const { function: called, name: bare } = readKeys(choice, path, NAMED_KEYS, options);
  if (called === undefined && bare !== undefined) return toolName(bare, `${path}.name`);
  const place = `${path}.function`;
  if (!isJsonObject(called)) throw invalid(place, `${place} must be an object with a name, not ${show(called)}.`);
  const { name } = readKeys(called, place, NAMED_FUNCTION_KEYS, options);
  if (bare !== undefined && bare !== name) throw invalid(`${path}.name`, `${path}.name is a second name.`);
  return toolName(name, `${place}.name`);
}

function readAllowed(choice: JsonObject, path: string, options: ReadOptions): ChoiceRead {
  const { allowed_tools: inner, ...outer } = readKeys(choice, path, ALLOWED_KEYS, options);
  if (inner === undefined) return toAllowed(outer, path, options);
  const place = `${path}.allowed_tools`;
  if (!isJsonObject(inner)) throw invalid(place, `${place} must be an object with tools, not ${show(inner)}.`);
  return toAllowed(readKeys(inner, place, ALLOWED_TOOLS_KEYS, options), place, options);
}

function toAllowed(
  { mode = 'auto', tools }: { readonly mode?: unknown; readonly tools?: unknown },
  path: string,
  options: ReadOptions,
): ChoiceRead {
  if (mode !== 'auto' && mode !== 'required') {
    throw invalid(`${path}.mode`, `${path}.mode must be auto or required, not ${show(mode)}.`);
  }
  if (!Array.isArray(tools) || tools.length === 0) {
    throw invalid(`${path}.tools`, `${path}.tools must be an array of at least one tool, not ${show(tools)}.`);
  }
  const names = tools.map((tool: unknown, index) => {
    const place = `${path}.tools[${String(index)}]`;
    if (!isJsonObject(tool)) throw invalid(place, `${place} must be an object with a function, not ${show(tool)}.`);
    const type = tool['type'] ?? 'function';
    if (type !== 'function') throw unsupported(`${place}.type`, type, 'It must be function.');
    return readNamed(tool, place, options);
  });
  return { type: 'allowed', mode, tools: names };
}

function toolName(name: unknown, path: string): ToolName {
  if (typeof name === 'string' && name !== '') return { name, path };
  throw invalid(path, `${path} must be the name of a tool, not ${show(name)}.`);
}
