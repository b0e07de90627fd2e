import { z } from 'zod';
import type { ModelInfo } from '../../backend/index.ts';
import { paramsOf } from '../model/props.ts';
import type { NamesOf } from '../request/field-table.ts';
import { fieldTable } from '../request/field-table.ts';
import { GENERATION_KINDS, GENERATION_NAMES } from '../request/generation-kinds.ts';
import { asksForImageDetails, INCLUDE } from '../request/include.ts';
import { invalid, show } from '../request/invalid-request.ts';
import type { ReadOptions } from '../request/json-object.ts';
import { isJsonObject } from '../request/json-object.ts';
import type { PlainKind } from '../request/kinds.ts';
import { BOOLEAN, integer, TEXT } from '../request/kinds.ts';
import { BIAS_TEXT_KINDS, BIAS_TEXT_NAMES } from '../request/logit-bias.ts';
import { OTHER_FIELDS } from '../request/other-fields.ts';
import { readFields } from '../request/read-fields.ts';
import { REPETITION_KINDS, REPETITION_NAMES } from '../request/repetition-stop.ts';
import { toSettings } from '../request/request-kinds.ts';
import { SAMPLING_KINDS, SAMPLING_NAMES } from '../request/sampling-kinds.ts';
import { anything } from '../request/values.ts';
import type { WireRequest } from '../wire-format.ts';
import { MAX_LOG_PROBS, MAX_TOKENS } from './fields.ts';
import type { ParsedPrompt } from './prompts.ts';
import { readPrompts } from './prompts.ts';

/** How a completion of llama-server's is answered. */
export interface LlamaAnswerSettings {
  /** Answers to each prompt. */
  readonly choices: number;
  /** The text of each prompt; empty for one that has tokens or images. */
  readonly promptTexts: readonly string[];
  readonly hasLogProbs: boolean;
  /** Tell the ids of the tokens. */
  readonly returnsTokens: boolean;
  /** Tell the timings so far in every piece. */
  readonly timingsPerToken: boolean;
  /** What is generated is not asked for. */
  readonly dropsAnswer: boolean;
  /** All settings of the generation, by llama-server's names. */
  readonly params: Readonly<Record<string, unknown>>;
  /** The parts of the answer that are asked for, by their paths; empty for all. */
  readonly responseFields: readonly string[];
}

/** A request for llama-server's own completion. Each of its prompts is continued by itself. */
export interface LlamaRequest extends WireRequest {
  readonly prompts: readonly ParsedPrompt[];
  readonly answer: LlamaAnswerSettings;
}

const MAX_RESPONSE_FIELDS = 100;
const RESPONSE_FIELDS: PlainKind<readonly string[]> = {
  expected: `an array of at most ${String(MAX_RESPONSE_FIELDS)} names`,
  schema: z.array(z.string()).max(MAX_RESPONSE_FIELDS),
};

const KINDS = {
  ...SAMPLING_KINDS,
  ...BIAS_TEXT_KINDS,
  ...GENERATION_KINDS,
  ...REPETITION_KINDS,
  maxTokens: MAX_TOKENS,
  model: TEXT,
  stream: BOOLEAN,
  likeliest: integer({ min: 0, max: MAX_LOG_PROBS }),
  returnTokens: BOOLEAN,
  timingsPerToken: BOOLEAN,
  responseFields: RESPONSE_FIELDS,
  include: INCLUDE,
};

const NAMES: NamesOf<typeof KINDS> = {
  ...SAMPLING_NAMES,
  ...BIAS_TEXT_NAMES,
  ...GENERATION_NAMES,
  ...REPETITION_NAMES,
  model: ['model'],
  stream: ['stream'],
  likeliest: ['n_probs', 'logprobs'],
  returnTokens: ['return_tokens'],
  timingsPerToken: ['timings_per_token'],
  responseFields: ['response_fields'],
  include: ['include'],
};

const SET_HERE: ReadonlySet<string> = new Set(['return_tokens', 'response_fields']);

/** Every field. The `prompt` is no setting: `readPrompts` reads it. */
export const LLAMA_FIELDS = fieldTable(KINDS, NAMES, {
  ...Object.fromEntries(Object.entries(OTHER_FIELDS).filter(([name]) => !SET_HERE.has(name))),
  prompt: anything,
});

/**
 * Parses the body of a request for llama-server's own completion. Throws `invalid_request` or `unsupported_parameter` with
 * the path of the field as `param`.
 */
export function parseLlamaRequest(body: unknown, options: ReadOptions, info: ModelInfo): LlamaRequest {
  if (!isJsonObject(body)) throw invalid('', `The body must be a JSON object with a prompt, not ${show(body)}.`);
  const { values, paths } = readFields<typeof KINDS>(body, LLAMA_FIELDS, options);
  const prompts = readPrompts(body['prompt'], options);
  const { likeliest = 0, returnTokens = false, responseFields = [], maxTokens, stream = false, ...given } = values;
  const settings = toSettings({ values: { ...given, ...limitOf(maxTokens) }, paths });
  const [prompt] = prompts;
  const hasLogProbs = likeliest > 0;
  // The ids come with the log probabilities. A stream has them in every event.
  const returnsTokens = (returnTokens || stream) && info.capabilities.logProbs === true;
  return {
    model: values.model,
    messages: [],
    ...(prompt === undefined ? {} : { prompt }),
    prompts,
    template: { variables: {}, addGenerationPrompt: true, continueFinalMessage: false },
    ...settings,
    logProbs: hasLogProbs || returnsTokens ? likeliest : undefined,
    askedBy: { ...settings.askedBy, logProbs: paths.likeliest },
    stream,
    imageDetails: asksForImageDetails(values),
    answer: {
      choices: settings.choices,
      promptTexts: prompts.map(textOf),
      hasLogProbs,
      returnsTokens,
      timingsPerToken: values.timingsPerToken ?? false,
      dropsAnswer: maxTokens === 0,
      params: { ...paramsOf(info, settings), stream, n_probs: likeliest },
      responseFields,
    },
  };
}

/** The generations that a request asks for: one for each prompt. */
export function llamaPromptsOf(request: LlamaRequest): readonly LlamaRequest[] {
  return request.prompts.map((prompt) => ({ ...request, prompt }));
}

/** What is generated when nothing is asked for is not shown. */
function limitOf(maxTokens: number | undefined): { readonly maxTokens?: number } {
  return maxTokens === undefined || maxTokens === Infinity ? {} : { maxTokens: Math.max(1, maxTokens) };
}

function textOf(prompt: ParsedPrompt): string {
  return prompt.every(({ type }) => type === 'text')
    ? prompt.map((part) => (part.type === 'text' ? part.text : '')).join('')
    : '';
}
