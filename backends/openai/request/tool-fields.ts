import type { Tool, ToolChoice, ToolSettings } from '../../../src/backend/index.ts';

/** OpenAI's fields of tools, which all servers share. */
export function toolFields(settings: ToolSettings | undefined): Record<string, unknown> {
  if (settings === undefined) return {};
  const { tools, choice, parallel } = settings;
  return {
    tools: tools.map((tool) => ({ type: 'function', function: functionJson(tool) })),
    tool_choice: choiceJson(choice),
    ...(parallel === undefined ? {} : { parallel_tool_calls: parallel }),
  };
}

function functionJson({ name, description, parameters }: Tool): object {
  return {
    name,
    ...(description === '' ? {} : { description }),
    ...(parameters === undefined ? {} : { parameters }),
  };
}

function choiceJson(choice: ToolChoice): unknown {
  return typeof choice === 'string' ? choice : { type: 'function', function: { name: choice.name } };
}
