import { z } from 'zod';
import type { Tool } from '../../backend/index.ts';
import { invalid, show } from '../request/invalid-request.ts';
import type { HasNoEffect, KeyTable, ReadOptions } from '../request/json-object.ts';
import { isJsonObject, readKeys, unsupported } from '../request/json-object.ts';
import { readJson } from '../request/json-value.ts';
import type { ReaderKind } from '../request/kinds.ts';
import type { ToolAt } from '../request/tools.ts';
import {
  ARGUMENTS_SHAPE,
  checkStrict,
  readDescription,
  readParameters,
  readToolName,
  readTools,
  TOOL_SHAPE,
} from '../request/tools.ts';
import { anything } from '../request/values.ts';

/** Tools are called by the model itself, never by code that runs at the provider. */
const hasDirectCaller: HasNoEffect = (callers) => Array.isArray(callers) && callers.includes('direct');

export const TOOL_KEYS = {
  type: 'read',
  name: 'read',
  description: 'read',
  input_schema: 'read',
  input_examples: 'read',
  strict: 'read',
  allowed_callers: hasDirectCaller,
  cache_control: anything,
  // All tools are in the prompt from the beginning.
  defer_loading: anything,
  // They always are.
  eager_input_streaming: anything,
} as const satisfies KeyTable;

/** Anthropic's tools with a schema of their own. Those that it defines, or runs itself, are refused by their type. */
export const TOOLS: ReaderKind<readonly Tool[] | undefined> = {
  shape: z.array(
    TOOL_SHAPE.omit({ parameters: true }).extend({
      type: z.literal('custom').nullish(),
      input_schema: ARGUMENTS_SHAPE,
      input_examples: z.array(z.looseObject({})).nullish(),
    }),
  ),
  read: (value, path, options) => readTools(value, path, (tool, place) => readTool(tool, place, options)),
};

function readTool(tool: unknown, param: string, options: ReadOptions): ToolAt {
  if (!isJsonObject(tool)) {
    throw invalid(param, `${param} must be an object with a name and an input_schema, not ${show(tool)}.`);
  }
  const type = tool['type'] ?? 'custom';
  if (type !== 'custom') {
    const advice = 'Only tools of type custom, with an input_schema, run with this server. Leave it out.';
    throw unsupported(`${param}.type`, type, advice);
  }
  const keys = readKeys(tool, param, TOOL_KEYS, options);
  checkStrict(keys.strict, param);
  const schema = `${param}.input_schema`;
  if (keys.input_schema === undefined) throw invalid(schema, `${schema} must be a JSON schema, not nothing.`);
  const description = readDescription(keys.description ?? '', `${param}.description`);
  return {
    name: readToolName(keys.name, `${param}.name`),
    description: description + examplesText(keys.input_examples, `${param}.input_examples`),
    parameters: readParameters(keys.input_schema, schema),
    param,
    parametersParam: schema,
  };
}

/** Templates have no place for examples but the description. */
function examplesText(examples: unknown, path: string): string {
  if (examples === undefined) return '';
  if (!Array.isArray(examples)) throw invalid(path, `${path} must be an array of objects, not ${show(examples)}.`);
  const lines = examples.map((example: unknown, index) => {
    const place = `${path}[${String(index)}]`;
    if (!isJsonObject(example)) throw invalid(place, `${place} must be an object, not ${show(example)}.`);
    return `\n${JSON.stringify(readJson(example, place))}`;
  });
  return lines.length === 0 ? '' : `\n\nExamples of its input:${lines.join('')}`;
}
