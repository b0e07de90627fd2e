import { streamUsageOf } from '../answer/stream-usage.ts';
import type { ParsedRequest } from '../parsed-request.ts';
import { asksForImageDetails } from '../request/include.ts';
import { invalid, show } from '../request/invalid-request.ts';
import type { ReadOptions } from '../request/json-object.ts';
import { isJsonObject } from '../request/json-object.ts';
import { readFields } from '../request/read-fields.ts';
import { toSettings } from '../request/request-kinds.ts';
import type { CompletionRequest, Echo } from './completion-request.ts';
import { COMPLETION_FIELDS } from './fields.ts';
import type { COMPLETION_KINDS } from './fields.ts';
import type { ParsedPrompt } from './prompts.ts';
import { readPrompts } from './prompts.ts';

/** OpenAI's, and vLLM's. */
const DEFAULT_MAX_TOKENS = 16;

/**
 * Parses the body of a completion request. Throws `invalid_request` or `unsupported_parameter` with the path of the field
 * as `param`.
 */
export function parseCompletionRequest(body: unknown, options: ReadOptions): CompletionRequest {
  if (!isJsonObject(body)) throw invalid('', `The body must be a JSON object with a prompt, not ${show(body)}.`);
  const { values, paths } = readFields<typeof COMPLETION_KINDS>(body, COMPLETION_FIELDS, options);
  const prompts = readPrompts(body['prompt'], options);
  const { echo = false, likeliest, bestOf, maxTokens = DEFAULT_MAX_TOKENS, ...given } = values;
  const settings = toSettings({ values: { ...given, ...limitOf(maxTokens) }, paths });
  if (bestOf !== undefined && bestOf !== settings.choices) {
    const path = paths.bestOf ?? '';
    throw invalid(
      path,
      `${path} must be ${String(settings.choices)}, as n: all answers are sent.`,
      'unsupported_parameter',
    );
  }
  const echoes = prompts.map((prompt) => (echo ? echoOf(prompt) : undefined));
  const [prompt] = prompts;
  const { stream = false, timingsPerToken = false } = values;
  return {
    model: values.model,
    messages: [],
    ...(prompt === undefined ? {} : { prompt }),
    prompts,
    template: { variables: {}, addGenerationPrompt: true, continueFinalMessage: false },
    ...settings,
    logProbs: likeliest,
    promptLogProbs: echo && likeliest !== undefined ? likeliest : undefined,
    askedBy: { ...settings.askedBy, ...askedBy(paths.likeliest, paths.echo) },
    // As in llama-server: an answer in one piece has no place for it.
    reportProgress: settings.reportProgress && stream,
    stream,
    imageDetails: asksForImageDetails(values),
    answer: {
      choices: settings.choices,
      echoes,
      hasLogProbs: likeliest !== undefined,
      dropsAnswer: maxTokens === 0,
      streamUsage: streamUsageOf(values),
      timingsPerToken,
    },
  };
}

/** What is generated when nothing is asked for is not shown. */
function limitOf(maxTokens: number): { readonly maxTokens?: number } {
  return maxTokens === Infinity ? {} : { maxTokens: Math.max(1, maxTokens) };
}

function askedBy(logProbs: string | undefined, echo: string | undefined): ParsedRequest['askedBy'] {
  return { logProbs, promptLogProbs: echo };
}

/** Throws `invalid_request` for a prompt that cannot be shown. */
function echoOf(prompt: ParsedPrompt): Echo {
  if (prompt.some(({ type }) => type === 'image')) {
    throw invalid('echo', 'echo cannot show a prompt that has images. Leave it out.');
  }
  if (prompt.some(({ type }) => type === 'tokens')) return 'tokens';
  return { text: prompt.map((part) => (part.type === 'text' ? part.text : '')).join('') };
}

/** The generations that a request asks for: one for each prompt. */
export function promptsOf(request: CompletionRequest): CompletionRequest[] {
  return request.prompts.map((prompt, index) => {
    const needsTokens = request.answer.echoes[index] === 'tokens';
    return { ...request, prompt, promptLogProbs: request.promptLogProbs ?? (needsTokens ? 0 : undefined) };
  });
}
