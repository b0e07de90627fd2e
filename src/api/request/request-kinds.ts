import type { GenerationSettings } from '../request-defaults.ts';
import { GENERATION_DEFAULTS } from '../request-defaults.ts';
import type { ParsedRequest } from '../parsed-request.ts';
import type { NamesOf } from './field-table.ts';
import { GENERATION_KINDS, GENERATION_NAMES } from './generation-kinds.ts';
import { invalid } from './invalid-request.ts';
import { BIAS_TEXT_KINDS, BIAS_TEXT_NAMES } from './logit-bias.ts';
import { pick } from './pick.ts';
import type { SettingsRead } from './read-fields.ts';
import { REASONING_KINDS, REASONING_NAMES, toReasoningSettings } from './reasoning.ts';
import { REPETITION_KINDS, REPETITION_NAMES, toRepetitionStop } from './repetition-stop.ts';
import { SAMPLING_KINDS, SAMPLING_NAMES } from './sampling-kinds.ts';
import { TEMPLATE_KINDS, TEMPLATE_NAMES } from './template-kinds.ts';
import { LOG_PROBS_KINDS, LOG_PROBS_NAMES, toLogProbs } from './token-log-probs.ts';
import { TOOL_KINDS, TOOL_NAMES, toToolSettings } from './tools.ts';
import { toVideoSampling, VIDEO_KINDS, VIDEO_NAMES } from './video-sampling.ts';

/** Every setting of a request, besides its messages and what only a format's answer has. */
export const REQUEST_KINDS = {
  ...SAMPLING_KINDS,
  ...BIAS_TEXT_KINDS,
  ...GENERATION_KINDS,
  ...TEMPLATE_KINDS,
  ...TOOL_KINDS,
  ...REASONING_KINDS,
  ...LOG_PROBS_KINDS,
  ...REPETITION_KINDS,
  ...VIDEO_KINDS,
};

/** Their fields in formats that are like OpenAI's. */
export const REQUEST_NAMES: NamesOf<typeof REQUEST_KINDS> = {
  ...SAMPLING_NAMES,
  ...BIAS_TEXT_NAMES,
  ...GENERATION_NAMES,
  ...TEMPLATE_NAMES,
  ...TOOL_NAMES,
  ...REASONING_NAMES,
  ...LOG_PROBS_NAMES,
  ...REPETITION_NAMES,
  ...VIDEO_NAMES,
};

/**
 * The settings of a generation, with defaults where the request says nothing. Throws `invalid_request` for fields that
 * contradict each other.
 */
export function toSettings(
  read: SettingsRead<typeof REQUEST_KINDS>,
): GenerationSettings & Pick<ParsedRequest, 'sampling' | 'biasTexts' | 'askedBy' | 'videoSampling'> {
  const { values, paths } = read;
  const settings = {
    ...GENERATION_DEFAULTS,
    ...pick(values, GENERATION_KINDS),
    tools: toToolSettings(read),
    reasoning: toReasoningSettings(read),
    logProbs: toLogProbs(read),
    repetitionStop: toRepetitionStop(read),
  };
  refuseUnreachableTokens(settings, paths.minTokens);
  refuseFormatBesideTools(settings, paths.format);
  const sampling = pick(values, SAMPLING_KINDS);
  const { biasTexts } = values;
  return { ...settings, sampling, biasTexts, videoSampling: toVideoSampling(read), askedBy: askedBy(paths) };
}

function askedBy(paths: SettingsRead<typeof REQUEST_KINDS>['paths']): ParsedRequest['askedBy'] {
  return {
    ...paths,
    tools: paths.tools ?? paths.functions,
    logProbs: paths.hasLogProbs ?? paths.tokenProbs,
    repetitionStop: paths.repeatedTokensMax,
  };
}

function refuseUnreachableTokens({ minTokens, maxTokens = Infinity }: GenerationSettings, path = ''): void {
  if (minTokens <= maxTokens) return;
  throw invalid(path, `${path} must not be above the maximum of tokens, ${String(maxTokens)}.`);
}

/** A grammar of the whole answer leaves no room for calls. JSON is asked of the text only. */
function refuseFormatBesideTools({ tools, format }: GenerationSettings, path = ''): void {
  if (tools === undefined || tools.choice === 'none') return;
  if (format.type === 'text' || format.type === 'json-object' || format.type === 'json-schema') return;
  const param = ('param' in format ? format.param : undefined) ?? path;
  throw invalid(param, `${param} cannot be combined with tools. Leave out one of them, or set tool_choice to none.`);
}
