import type { Capabilities } from '../../backend/index.ts';

/** What every model takes, by OpenRouter's names where it has any. */
const ALWAYS = [
  'max_tokens',
  'temperature',
  'top_p',
  'top_k',
  'min_p',
  'frequency_penalty',
  'presence_penalty',
  'repetition_penalty',
  'seed',
  'stop',
] as const;

/** What only some models take. */
const BY_CAPABILITY = {
  vision: ['include'],
  tools: ['tools', 'tool_choice', 'parallel_tool_calls'],
  structuredOutput: ['response_format', 'structured_outputs'],
  reasoning: ['reasoning', 'include_reasoning'],
  logProbs: ['logprobs', 'top_logprobs'],
  answerControl: ['logit_bias'],
  progress: ['return_progress'],
} as const satisfies Partial<Record<keyof Capabilities, readonly string[]>>;

/** OpenRouter's `supported_parameters`. */
export function supportedParameters(capabilities: Capabilities): string[] {
  const further = Object.entries(BY_CAPABILITY) as [keyof typeof BY_CAPABILITY, readonly string[]][];
  const several = (capabilities.maxChoices ?? 1) > 1 ? ['n'] : [];
  return [
    ...ALWAYS,
    ...several,
    ...further.flatMap(([capability, names]) => (capabilities[capability] === true ? names : [])),
  ];
}
