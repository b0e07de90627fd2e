import type { JsonValue, TemplateSettings } from '../../backend/index.ts';
import { contradiction, invalid, show } from './invalid-request.ts';
import { readVariables } from './json-value.ts';
import type { ParsedMessage } from '../parsed-request.ts';
import type { TemplateRequest } from './template-kinds.ts';

/** What a request sets for the template, and the fields that set it. */
export interface TemplateFields {
  readonly values: Partial<TemplateRequest>;
  readonly paths: { readonly [Setting in keyof TemplateRequest]?: string };
}

/** Templates disagree on the name of the variable that turns thinking on and off. */
const THINKING_VARIABLES = ['enable_thinking', 'thinking'] as const;

/**
 * The settings of the template. A final assistant message is continued unless the request declines. Throws
 * `invalid_request` if fields contradict each other or the conversation.
 */
export function toTemplateSettings(fields: TemplateFields, messages: readonly ParsedMessage[]): TemplateSettings {
  return { variables: variablesOf(fields), ...endOf(fields, messages) };
}

function variablesOf({ values, paths }: TemplateFields): TemplateSettings['variables'] {
  const path = paths.variables ?? '';
  const given = readVariables(values.variables ?? {}, path);
  const { enable_thinking: switched = given['thinking'] } = given;
  if (given['enable_thinking'] !== undefined && typeof switched !== 'boolean') {
    throw invalid(`${path}.enable_thinking`, `${path}.enable_thinking must be true or false, not ${show(switched)}.`);
  }
  const asked = askedVariables({ values, paths }, switched !== undefined);
  for (const [name, { value, from }] of asked) {
    if (given[name] !== undefined && given[name] !== value) throw contradiction(from, `${path}.${name}`);
  }
  return { ...Object.fromEntries([...asked].map(([name, { value }]) => [name, value])), ...given };
}

interface Asked {
  readonly value: JsonValue;
  /** The field that asks for it. */
  readonly from: string;
}

/** The variables that other fields than the template's own variables ask for. */
function askedVariables({ values, paths }: TemplateFields, isSwitched: boolean): Map<string, Asked> {
  const { thinking, reasoningEffort: effort } = values;
  const { thinking: thinkingPath = '', reasoningEffort: effortPath = '' } = paths;
  const asked = new Map<string, Asked>();
  const think = (value: boolean, from: string): void => {
    for (const name of THINKING_VARIABLES) asked.set(name, { value, from });
  };
  if (effort === 'none') {
    if (thinking === true) throw contradiction(thinkingPath, effortPath);
    think(false, effortPath);
  } else if (effort !== undefined) {
    if (thinking === false) throw contradiction(thinkingPath, effortPath);
    asked.set('reasoning_effort', { value: effort, from: effortPath });
    // Some templates think only when told to, so an effort turns thinking on, unless the template's variable is given.
    if (!isSwitched) think(true, effortPath);
  }
  if (thinking !== undefined) think(thinking, thinkingPath);
  return asked;
}

function endOf(
  { values, paths }: TemplateFields,
  messages: readonly ParsedMessage[],
): Omit<TemplateSettings, 'variables'> {
  const { addGenerationPrompt: add, continueFinalMessage: goOn } = values;
  if (add === true && goOn === true) {
    throw contradiction(paths.addGenerationPrompt ?? '', paths.continueFinalMessage ?? '');
  }
  const last = messages.at(-1);
  const isAnswer = last?.role === 'assistant';
  if (goOn === true && !isAnswer) {
    const path = paths.continueFinalMessage ?? '';
    throw invalid(path, `${path} requires that the last message is the assistant's.`);
  }
  const continues = goOn ?? (isAnswer && add !== true);
  return { addGenerationPrompt: !continues && (add ?? true), continueFinalMessage: continues };
}
