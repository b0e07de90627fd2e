import type { GenerateRequest, PromptRequest, TemplateSettings } from '../../../src/backend/index.ts';
import type { Dialect } from '../dialect.ts';
import { having, isIn } from '../dialect.ts';
import { unsupported } from './unsupported.ts';

/** Variables that the server derives of `reasoning_effort`. */
const DERIVED = ['enable_thinking', 'thinking', 'reasoning_effort'];

/** The fields of the template, and of reasoning. Throws `unsupported_capability`. */
export function templateFields(
  { template, reasoning }: Pick<PromptRequest, 'template' | 'reasoning'>,
  dialect: Dialect,
): Record<string, unknown> {
  return {
    ...variableFields(template, dialect),
    ...endFields(template, dialect),
    ...reasoningFields(reasoning, dialect),
  };
}

function variableFields({ variables }: TemplateSettings, dialect: Dialect): object {
  if (Object.keys(variables).length === 0) return {};
  if (dialect !== 'openai') return { chat_template_kwargs: variables };
  const other = Object.keys(variables).find((name) => !DERIVED.includes(name));
  if (other !== undefined) throw unsupported(`chat_template_kwargs.${other}`, dialect);
  if (variables['reasoning_effort'] !== undefined) return { reasoning_effort: variables['reasoning_effort'] };
  return variables['enable_thinking'] === false ? { reasoning_effort: 'none' } : {};
}

/** llama-server continues a last turn of the assistant's without being told. */
function endFields({ addGenerationPrompt: adds, continueFinalMessage: goesOn }: TemplateSettings, dialect: Dialect) {
  if (goesOn) {
    if (!isIn(['vllm', 'sglang', 'llama-server', 'vserve'], dialect))
      throw unsupported('continue_final_message', dialect);
    return dialect === 'llama-server' ? {} : { add_generation_prompt: false, continue_final_message: true };
  }
  if (adds) return {};
  if (!isIn(['vllm', 'llama-server', 'vserve'], dialect)) throw unsupported('add_generation_prompt', dialect);
  return { add_generation_prompt: false };
}

function reasoningFields({ isApart, maxTokens, endMessage }: GenerateRequest['reasoning'], dialect: Dialect): object {
  const isLlama = isIn(having.llamaLike, dialect);
  if (!isApart && !isLlama && dialect !== 'sglang') throw unsupported('reasoning_format', dialect);
  if (endMessage !== '' && !isLlama) throw unsupported('reasoning_budget_message', dialect);
  return {
    ...(isApart ? {} : isLlama ? { reasoning_format: 'none' } : { separate_reasoning: false }),
    ...(maxTokens === undefined ? {} : budgetField(maxTokens, dialect)),
    ...(endMessage === '' ? {} : { reasoning_budget_message: endMessage }),
  };
}

function budgetField(maxTokens: number, dialect: Dialect): object {
  if (isIn(having.llamaLike, dialect)) return { reasoning_budget_tokens: maxTokens };
  if (dialect === 'vllm') return { thinking_token_budget: maxTokens };
  // MAX takes `reasoning.max_tokens` and does nothing of it.
  throw unsupported('reasoning_budget_tokens', dialect);
}
