import type { TemplateSettings } from '../../backend/index.ts';
import type { ParsedMessage } from '../parsed-request.ts';
import { invalid } from './invalid-request.ts';
import { unsupported } from './json-object.ts';

/** The paths of a final answer, which is to be continued, and of its reasoning. */
export interface FinalAnswerPaths {
  readonly message: string;
  readonly reasoning: string;
}

/** A turn that calls tools cannot be continued: their results come next. Throws `invalid_request`. */
export function refuseOpenCalls(messages: readonly ParsedMessage[], path: string): void {
  if (messages.at(-1)?.toolCalls === undefined) return;
  throw invalid(path, `${path} has tool calls without results. Append the messages with them.`);
}

/**
 * A final answer without any text yet is not continued, but begun. Throws `invalid_request` if it is all there is, and
 * `unsupported_parameter` if it has reasoning.
 */
export function beginEmptyAnswer(
  messages: readonly ParsedMessage[],
  template: TemplateSettings,
  paths: FinalAnswerPaths,
): { readonly messages: readonly ParsedMessage[]; readonly template: TemplateSettings } {
  const last = messages.at(-1);
  const isEmpty = last?.content.every((part) => part.type === 'text' && part.text.trim() === '') === true;
  if (!template.continueFinalMessage || !isEmpty) return { messages, template };
  if (last.reasoning !== undefined) {
    throw unsupported(paths.reasoning, last.reasoning, 'Only the text of an answer can be continued.');
  }
  if (messages.length === 1) {
    throw invalid(paths.message, `${paths.message} is an empty answer, and there is nothing to answer.`);
  }
  return {
    messages: messages.slice(0, -1),
    template: { ...template, addGenerationPrompt: true, continueFinalMessage: false },
  };
}
