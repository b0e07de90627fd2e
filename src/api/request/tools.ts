import { z } from 'zod';
import type { Tool, ToolChoice, ToolSettings } from '../../backend/index.ts';
import type { NamesOf } from './field-table.ts';
import { contradiction, invalid, show } from './invalid-request.ts';
import type { KeyTable, ReadOptions } from './json-object.ts';
import { isJsonObject, readKeys, unsupported } from './json-object.ts';
import { readJsonObject } from './json-value.ts';
import type { ReaderKind } from './kinds.ts';
import { BOOLEAN } from './kinds.ts';
import { textOf } from './long-text.ts';
import type { SettingsRead } from './read-fields.ts';
import { FUNCTION_CHOICE, TOOL_CHOICE } from './tool-choice.ts';
import type { ChoiceRead } from './tool-choice.ts';
import { anything } from './values.ts';

export const MAX_TOOLS = 1024;
/** OpenAI's characters, and the dots that MCP allows, to MCP's length. */
const NAME = /^[\w.-]{1,128}$/;

export const TOOL_KEYS = {
  type: 'read',
  function: 'read',
  cache_control: anything,
} as const satisfies KeyTable;

export const TOOL_FUNCTION_KEYS = {
  name: 'read',
  description: 'read',
  parameters: 'read',
  strict: 'read',
  cache_control: anything,
} as const satisfies KeyTable;

/** The JSON Schema of a tool's arguments. */
export const ARGUMENTS_SHAPE = z.looseObject({ type: z.literal('object').nullish() });

/** A function, for the API's description. */
export const TOOL_SHAPE = z.object({
  name: z.string().regex(NAME),
  description: z.string().nullish(),
  parameters: ARGUMENTS_SHAPE.nullish(),
  strict: z.boolean().nullish(),
});

/** A tool that knows where it stands. */
export type ToolAt = Tool & Required<Pick<Tool, 'param'>>;

/** OpenAI's tools: functions, each in an object of its own. */
const TOOLS: ReaderKind<readonly Tool[] | undefined> = {
  shape: z.array(z.object({ type: z.literal('function').nullish(), function: TOOL_SHAPE })),
  read: (value, path, options) => readTools(value, path, (tool, place) => readTool(tool, place, options)),
};

/** OpenAI's deprecated form: bare functions. */
const FUNCTIONS: ReaderKind<readonly Tool[] | undefined> = {
  shape: z.array(TOOL_SHAPE),
  read: (value, path, options) => readTools(value, path, (tool, place) => readFunction(tool, place, options)),
};

export const TOOL_KINDS = {
  tools: TOOLS,
  functions: FUNCTIONS,
  toolChoice: TOOL_CHOICE,
  functionChoice: FUNCTION_CHOICE,
  parallelCalls: BOOLEAN,
} as const;

export const TOOL_NAMES: NamesOf<typeof TOOL_KINDS> = {
  tools: ['tools'],
  functions: ['functions'],
  toolChoice: ['tool_choice'],
  functionChoice: ['function_call'],
  parallelCalls: ['parallel_tool_calls'],
};

/**
 * The tools that the model may call, undefined if there are none. Throws `invalid_request` if the fields contradict each
 * other, or a tool is chosen that is not there.
 */
export function toToolSettings({ values, paths }: SettingsRead<typeof TOOL_KINDS>): ToolSettings | undefined {
  const { tools, functions, toolChoice, functionChoice } = values;
  if (tools !== undefined && functions !== undefined) throw contradiction(paths.tools ?? '', paths.functions ?? '');
  if (toolChoice !== undefined && functionChoice !== undefined) {
    throw contradiction(paths.toolChoice ?? '', paths.functionChoice ?? '');
  }
  const given = tools ?? functions;
  const choice = toolChoice ?? functionChoice ?? { type: 'auto' };
  const path = paths.toolChoice ?? paths.functionChoice ?? '';
  if (given === undefined) {
    if (choice.type === 'auto' || choice.type === 'none') return undefined;
    throw invalid(path, `${path} asks for a call, but the request has no tools.`);
  }
  // The old form has room for one call only.
  const parallel = functions === undefined ? values.parallelCalls : false;
  return { ...chosen(given, choice), parallel };
}

function chosen(tools: readonly Tool[], choice: ChoiceRead): { tools: readonly Tool[]; choice: ToolChoice } {
  if (choice.type === 'named') {
    requireTool(tools, choice.name, choice.path);
    return { tools, choice: { name: choice.name } };
  }
  if (choice.type !== 'allowed') return { tools, choice: choice.type };
  for (const { name, path } of choice.tools) requireTool(tools, name, path);
  const names = new Set(choice.tools.map(({ name }) => name));
  return { tools: tools.filter(({ name }) => names.has(name)), choice: choice.mode };
}

function requireTool(tools: readonly Tool[], name: string, path: string): void {
  if (tools.some((tool) => tool.name === name)) return;
  throw invalid(path, `${path} must be the name of one of the tools, not ${show(name)}.`);
}

/** Reads an array of tools, of different names. Undefined if there are none. */
export function readTools(
  value: unknown,
  path: string,
  read: (tool: unknown, place: string) => ToolAt,
): Tool[] | undefined {
  if (!Array.isArray(value)) throw invalid(path, `${path} must be an array of tools, not ${show(value)}.`);
  if (value.length > MAX_TOOLS) {
    throw invalid(path, `${path} must have at most ${String(MAX_TOOLS)} tools, not ${String(value.length)}.`);
  }
  const tools = value.map((tool: unknown, index) => read(tool, `${path}[${String(index)}]`));
  const names = new Set<string>();
  for (const { name, param } of tools) {
    if (names.has(name)) throw invalid(`${param}.name`, `${param}.name is that of an earlier tool: ${show(name)}.`);
    names.add(name);
  }
  return tools.length === 0 ? undefined : tools;
}

function readTool(tool: unknown, path: string, options: ReadOptions): ToolAt {
  if (!isJsonObject(tool)) throw invalid(path, `${path} must be an object with a function, not ${show(tool)}.`);
  requireFunction(tool, path);
  const { function: called } = readKeys(tool, path, TOOL_KEYS, options);
  return readFunction(called, `${path}.function`, options);
}

/** Refuses tools and calls of other types, whose keys are others. */
export function requireFunction({ type = null }: Readonly<Record<string, unknown>>, path: string): void {
  if (type !== null && type !== 'function')
    throw unsupported(`${path}.type`, type, 'It must be function. The Responses API takes custom tools, too.');
}

/** Reads a function: its name, description and parameters. Throws `invalid_request`. */
export function readFunction(value: unknown, param: string, options: ReadOptions): ToolAt {
  if (!isJsonObject(value)) throw invalid(param, `${param} must be an object with a name, not ${show(value)}.`);
  const { name, description = '', parameters, strict } = readKeys(value, param, TOOL_FUNCTION_KEYS, options);
  checkStrict(strict, param);
  return {
    name: readToolName(name, `${param}.name`),
    description: readDescription(description, `${param}.description`),
    parameters: readParameters(parameters, `${param}.parameters`),
    param,
  };
}

/** Throws `invalid_request` for a name that no tool can have. */
export function readToolName(name: unknown, path: string): string {
  if (typeof name === 'string' && NAME.test(name)) return name;
  const expected = 'at most 128 letters, digits, underscores, hyphens and dots';
  throw invalid(path, `${path} must be ${expected}, not ${show(name)}.`);
}

export function readDescription(description: unknown, path: string): string {
  const text = textOf(description);
  if (text === undefined) throw invalid(path, `${path} must be a string, not ${show(description)}.`);
  return text;
}

/** It makes no difference: arguments always keep to their schema. */
export function checkStrict(strict: unknown, param: string): void {
  if (strict === undefined || typeof strict === 'boolean') return;
  throw invalid(`${param}.strict`, `${param}.strict must be true or false, not ${show(strict)}.`);
}

/** Reads the JSON Schema of a tool's arguments. Undefined without one. */
export function readParameters(value: unknown, path: string): Tool['parameters'] {
  if (value === undefined) return undefined;
  if (!isJsonObject(value)) throw invalid(path, `${path} must be a JSON schema, not ${show(value)}.`);
  const type = value['type'] ?? 'object';
  if (type !== 'object') throw invalid(`${path}.type`, `${path}.type must be object, not ${show(type)}.`);
  return readJsonObject(value, path);
}
