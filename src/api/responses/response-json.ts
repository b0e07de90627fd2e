import type { TokenUsage } from '../../backend/index.ts';
import type { AnswerIdentity } from '../answer/identity.ts';
import type { TimingsJson } from '../answer/timings.ts';
import type { ImageDetailsJson } from '../answer/image-details.ts';
import { imageDetailsJson } from '../answer/image-details.ts';
import { timingsJson } from '../answer/timings.ts';
import { imageTokensJson } from '../answer/usage.ts';
import { errorJson } from '../error-json.ts';
import type { OutputItemJson } from './item-json.ts';
import { outputItemJson } from './item-json.ts';
import type { Output, OutputEnd } from './output.ts';
import type { ResponseEcho, ResponseSettings } from './response-request.ts';

export type ResponseStatus = 'queued' | 'in_progress' | 'completed' | 'incomplete' | 'failed' | 'cancelled';

interface ResponseUsageJson {
  readonly input_tokens: number;
  readonly input_tokens_details: {
    readonly cached_tokens: number;
    readonly cache_write_tokens: 0;
    readonly image_tokens?: number;
  };
  readonly output_tokens: number;
  readonly output_tokens_details: { readonly reasoning_tokens: number };
  readonly total_tokens: number;
}

interface ResponseErrorJson {
  readonly code: string;
  readonly message: string;
}

/** What of a response changes while it is made. */
interface ResponseState {
  readonly status: ResponseStatus;
  readonly completed_at: number | null;
  readonly error: ResponseErrorJson | null;
  readonly incomplete_details: { readonly reason: string } | null;
  readonly output: readonly OutputItemJson[];
  readonly usage: ResponseUsageJson | null;
  /** llama-server's. */
  readonly timings?: TimingsJson;
  /** Where it is asked for. */
  readonly image_details?: readonly ImageDetailsJson[];
}

/** OpenAI's response; what it repeats of the request is not typed here. */
export interface ResponseJson extends ResponseState {
  readonly id: string;
  readonly object: 'response';
  readonly created_at: number;
  readonly model: string;
  readonly [repeated: string]: unknown;
}

const UNFINISHED = { completed_at: null, error: null, incomplete_details: null, output: [], usage: null } as const;

/** A response that has no output yet. */
export function begunResponse(
  identity: AnswerIdentity,
  { echo }: ResponseSettings,
  status: ResponseStatus,
): ResponseJson {
  return responseJson(identity, echo, { status, ...UNFINISHED });
}

/** The response that a generation ends with. `now`: seconds since 1970. */
export function endedResponse(
  identity: AnswerIdentity,
  settings: ResponseSettings,
  { items, images, end }: Output,
  now: number,
): ResponseJson {
  if (end === undefined) throw new TypeError('The output has not ended.');
  const reason = incompleteReason(end);
  return responseJson(identity, settings.echo, {
    status: reason === undefined ? 'completed' : 'incomplete',
    completed_at: reason === undefined ? now : null,
    error: null,
    incomplete_details: reason === undefined ? null : { reason },
    output: items.map((item) => outputItemJson(item, settings)),
    usage: responseUsage(end.usage),
    timings: timingsJson({ ...end.usage, ...end.timings }),
    ...(settings.imageDetails === true ? { image_details: imageDetailsJson(images) } : {}),
  });
}

/** The response of a generation that has failed, or was cancelled; with what there is of its output. */
export function brokenResponse(
  identity: AnswerIdentity,
  settings: ResponseSettings,
  { items }: Output,
  error?: unknown,
): ResponseJson {
  return responseJson(identity, settings.echo, {
    ...UNFINISHED,
    status: error === undefined ? 'cancelled' : 'failed',
    error: error === undefined ? null : responseError(error),
    output: items.map((item) => outputItemJson(item, settings)),
  });
}

/** An error in OpenAI's words for it, where there is one. */
export function responseError(error: unknown): ResponseErrorJson {
  const { code, message } = errorJson(error).error;
  return { code: ERROR_CODES[code] ?? code, message };
}

const ERROR_CODES: Readonly<Record<string, string>> = {
  internal_error: 'server_error',
  generation_failed: 'server_error',
  at_capacity: 'rate_limit_exceeded',
};

function responseJson(identity: AnswerIdentity, echo: ResponseEcho, state: ResponseState): ResponseJson {
  const { id, created, model } = identity;
  return { id, object: 'response', created_at: created, model, ...echo, ...state };
}

function incompleteReason({ reason }: OutputEnd): string | undefined {
  if (reason === 'length') return 'max_output_tokens';
  return reason === 'repetition' ? 'repetition' : undefined;
}

function responseUsage(usage: TokenUsage): ResponseUsageJson {
  const { promptTokens, completionTokens, cachedTokens, reasoningTokens = 0 } = usage;
  return {
    input_tokens: promptTokens,
    input_tokens_details: { cached_tokens: cachedTokens, cache_write_tokens: 0, ...imageTokensJson(usage) },
    output_tokens: completionTokens,
    output_tokens_details: { reasoning_tokens: reasoningTokens },
    total_tokens: promptTokens + completionTokens,
  };
}
