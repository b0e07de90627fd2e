import { z } from 'zod';
import type { JsonObject as PlainObject, Tool } from '../../backend/index.ts';
import { invalid, show } from '../request/invalid-request.ts';
import type { JsonObject, KeyTable, ReadOptions } from '../request/json-object.ts';
import { isJsonObject, readKeys, unsupported } from '../request/json-object.ts';
import { readJsonObject } from '../request/json-value.ts';
import type { ReaderKind } from '../request/kinds.ts';
import { textOf } from '../request/long-text.ts';
import { MAX_TOOLS, readFunction, readToolName, TOOL_SHAPE } from '../request/tools.ts';
import { anything } from '../request/values.ts';
import { toolDescription } from './custom-tool.ts';

/** How a call of a tool is written in a response. */
export interface CallForm {
  readonly name: string;
  readonly namespace: string | undefined;
  /** Its input is text instead of arguments. */
  readonly isCustom: boolean;
}

/** The tools of a request. */
export interface OfferedTools {
  /** Undefined without any. */
  readonly tools: readonly Tool[] | undefined;
  /** Of the tools that are not plain functions, by the name that the model knows. */
  readonly forms: ReadonlyMap<string, CallForm>;
  /** As the request has them, without those that the model is not told of. */
  readonly echo: readonly PlainObject[];
}

interface ReadTool {
  readonly tool: Tool;
  readonly form: CallForm;
}

/** What a tool may have that makes no difference: all of them are told at once, and the model alone calls them. */
const WITHOUT_EFFECT = {
  allowed_callers: anything,
  cache_control: anything,
  defer_loading: anything,
  output_schema: anything,
} as const satisfies KeyTable;

export const FUNCTION_TOOL_KEYS = {
  type: 'read',
  name: 'read',
  description: 'read',
  parameters: 'read',
  strict: 'read',
  ...WITHOUT_EFFECT,
} as const satisfies KeyTable;

export const CUSTOM_TOOL_KEYS = {
  type: 'read',
  name: 'read',
  description: 'read',
  format: 'read',
  ...WITHOUT_EFFECT,
} as const satisfies KeyTable;

export const NAMESPACE_KEYS = {
  type: 'read',
  name: 'read',
  description: anything,
  tools: 'read',
} as const satisfies KeyTable;

/**
 * Tools that OpenAI's servers run themselves, and that agents such as Codex always offer. Nothing runs them here, so the
 * model is not told of them; the response's `tools` show it.
 */
const LEFT_OUT = /^(?:web_search(?:_preview)?(?:_\d{4}_\d\d_\d\d)?|image_generation|tool_search)$/;

const FUNCTION_TOOL_SHAPE = TOOL_SHAPE.extend({ type: z.literal('function') });
const CUSTOM_TOOL_SHAPE = TOOL_SHAPE.pick({ name: true, description: true }).extend({
  type: z.literal('custom'),
  format: z
    .union([
      z.object({ type: z.literal('text') }),
      z.object({ type: z.literal('grammar'), syntax: z.enum(['lark', 'regex']), definition: z.string() }),
    ])
    .nullish(),
});
const NAMESPACE_SHAPE = z.object({
  type: z.literal('namespace'),
  name: z.string().min(1),
  tools: z.array(z.union([FUNCTION_TOOL_SHAPE, CUSTOM_TOOL_SHAPE])),
});

/** OpenAI's flat tools. */
export const RESPONSE_TOOLS: ReaderKind<OfferedTools> = {
  shape: z.array(
    z.union([
      FUNCTION_TOOL_SHAPE,
      CUSTOM_TOOL_SHAPE,
      NAMESPACE_SHAPE,
      z.looseObject({ type: z.string().regex(LEFT_OUT) }),
    ]),
  ),
  read(value, path, options) {
    if (!Array.isArray(value)) throw invalid(path, `${path} must be an array of tools, not ${show(value)}.`);
    const tools: ReadTool[] = [];
    const echo: PlainObject[] = [];
    for (const [index, tool] of (value as readonly unknown[]).entries()) {
      const place = `${path}[${String(index)}]`;
      if (!isJsonObject(tool)) throw invalid(place, `${place} must be an object with a type, not ${show(tool)}.`);
      if (typeof tool['type'] === 'string' && LEFT_OUT.test(tool['type'])) continue;
      tools.push(...readTool(tool, place, options));
      echo.push(readJsonObject(tool, place));
    }
    checkNames(tools, path);
    return { tools: tools.length === 0 ? undefined : tools.map(({ tool }) => tool), forms: formsOf(tools), echo };
  },
};

function readTool(tool: JsonObject, path: string, options: ReadOptions): readonly ReadTool[] {
  switch (tool['type']) {
    case 'function':
      return [readFunctionTool(tool, path, options)];
    case 'custom':
      return [readCustomTool(tool, path, options)];
    case 'namespace':
      return readNamespace(tool, path, options);
    default:
      throw unsupported(`${path}.type`, tool['type'], 'It must be function, custom or namespace.');
  }
}

function readFunctionTool(given: JsonObject, path: string, options: ReadOptions): ReadTool {
  const { type: _, ...called } = readKeys(given, path, FUNCTION_TOOL_KEYS, options);
  const tool = readFunction(called, path, options);
  return { tool, form: { name: tool.name, namespace: undefined, isCustom: false } };
}

/** A tool whose input is text. The model is told of a function with that text as its one argument. */
function readCustomTool(given: JsonObject, path: string, options: ReadOptions): ReadTool {
  const { name, description, format } = readKeys(given, path, CUSTOM_TOOL_KEYS, options);
  const tool = readFunction(
    {
      name,
      description: toolDescription(description, format, path, options),
      parameters: {
        type: 'object',
        properties: { input: { type: 'string' } },
        required: ['input'],
        additionalProperties: false,
      },
    },
    path,
    options,
  );
  return { tool, form: { name: tool.name, namespace: undefined, isCustom: true } };
}

/** Tools of one namespace, which the model knows by both names in one. */
function readNamespace(given: JsonObject, path: string, options: ReadOptions): readonly ReadTool[] {
  const { name, tools } = readKeys(given, path, NAMESPACE_KEYS, options);
  const namespace = textOf(name);
  if (namespace === undefined || namespace === '') {
    throw invalid(`${path}.name`, `${path}.name must be a string, not ${show(name)}.`);
  }
  if (!Array.isArray(tools)) {
    throw invalid(`${path}.tools`, `${path}.tools must be an array of tools, not ${show(tools)}.`);
  }
  return tools.map((tool: unknown, index) => {
    const place = `${path}.tools[${String(index)}]`;
    if (!isJsonObject(tool)) throw invalid(place, `${place} must be an object with a type, not ${show(tool)}.`);
    const { type } = tool;
    if (type !== 'function' && type !== 'custom') {
      throw unsupported(`${place}.type`, type, 'It must be function or custom.');
    }
    const bare = readToolName(tool['name'], `${place}.name`);
    const full = { ...tool, name: nameIn(namespace, bare) };
    const read = type === 'function' ? readFunctionTool(full, place, options) : readCustomTool(full, place, options);
    return { tool: read.tool, form: { ...read.form, name: bare, namespace } };
  });
}

/** The name by which the model knows a tool of a namespace. */
export function nameIn(namespace: string, name: string): string {
  return namespace.endsWith('__') ? namespace + name : `${namespace}__${name}`;
}

function checkNames(tools: readonly ReadTool[], path: string): void {
  if (tools.length > MAX_TOOLS) {
    throw invalid(path, `${path} must have at most ${String(MAX_TOOLS)} tools, not ${String(tools.length)}.`);
  }
  const names = new Set<string>();
  for (const { tool } of tools) {
    const param = `${tool.param ?? path}.name`;
    if (names.has(tool.name)) throw invalid(param, `${param} is that of an earlier tool: ${show(tool.name)}.`);
    names.add(tool.name);
  }
}

function formsOf(tools: readonly ReadTool[]): ReadonlyMap<string, CallForm> {
  const special = tools.filter(({ form }) => form.isCustom || form.namespace !== undefined);
  return new Map(special.map(({ tool, form }) => [tool.name, form]));
}
