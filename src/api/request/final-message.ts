import type { TemplateSettings } from '../../backend/index.ts';
import type { ParsedMessage } from '../parsed-request.ts';
import { invalid } from './invalid-request.ts';
import { unsupported } from './json-object.ts';

/** A turn that calls tools cannot be continued: their results come next. */
export function refuseOpenCalls(messages: readonly ParsedMessage[]): void {
  if (messages.at(-1)?.toolCalls === undefined) return;
  const path = `messages[${String(messages.length - 1)}].tool_calls`;
  throw invalid(path, `${path} have no results. Append the tool messages with them.`);
}

/** A final answer without any text yet is not continued, but begun. */
export function beginEmptyAnswer(messages: readonly ParsedMessage[], template: TemplateSettings) {
  const last = messages.at(-1);
  const isEmpty = last?.content.every((part) => part.type === 'text' && part.text.trim() === '') === true;
  if (!template.continueFinalMessage || !isEmpty) return { messages, template };
  const path = `messages[${String(messages.length - 1)}]`;
  if (last.reasoning !== undefined) {
    throw unsupported(`${path}.reasoning_content`, last.reasoning, 'Only the text of an answer can be continued.');
  }
  if (messages.length === 1) throw invalid(path, `${path} is an empty answer, and there is nothing to answer.`);
  return {
    messages: messages.slice(0, -1),
    template: { ...template, addGenerationPrompt: true, continueFinalMessage: false },
  };
}
