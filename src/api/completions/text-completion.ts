import type { GenerationEvent } from '../../backend/index.ts';
import type { AnswerIdentity } from '../answer/identity.ts';
import type { TimingsJson } from '../answer/timings.ts';
import type { UsageJson } from '../answer/usage.ts';
import { usageJson } from '../answer/usage.ts';
import type { AnswerSettings } from './completion-request.ts';
import type { TextPiece } from './text-writer.ts';
import { TextPieces } from './text-writer.ts';
import type { LogProbsJson } from './token-list.ts';

/** OpenAI's `text_completion`, with llama-server's timings. */
export interface TextCompletionJson {
  readonly id: string;
  readonly object: 'text_completion';
  readonly created: number;
  readonly model: string;
  readonly choices: readonly TextPiece[];
  readonly usage: UsageJson;
  readonly system_fingerprint: string;
  readonly timings: TimingsJson;
}

/** Collects a generation into a completion. Throws what the generation throws. */
export async function toTextCompletion(
  identity: AnswerIdentity,
  events: AsyncIterable<GenerationEvent>,
  settings: AnswerSettings,
): Promise<TextCompletionJson> {
  const pieces = new TextPieces(settings);
  const choices: TextPiece[][] = Array.from({ length: settings.choices * settings.echoes.length }, () => []);
  for await (const event of events) for (const piece of pieces.of(event)) choices[piece.index]?.push(piece);
  return {
    id: identity.id,
    object: 'text_completion',
    created: identity.created,
    model: identity.model,
    choices: choices.map((all, index) => joined(all, index, settings.hasLogProbs)),
    usage: usageJson(pieces.usage()),
    system_fingerprint: identity.systemFingerprint,
    timings: pieces.timings(),
  };
}

function joined(pieces: readonly TextPiece[], index: number, hasLogProbs: boolean): TextPiece {
  const tokens = pieces.flatMap(({ logprobs }) => (logprobs === null ? [] : [logprobs]));
  const end = pieces.at(-1);
  return {
    index,
    text: pieces.map(({ text }) => text).join(''),
    logprobs: hasLogProbs ? joinedLogProbs(tokens) : null,
    finish_reason: end?.finish_reason ?? null,
    ...(end?.stop_reason === undefined ? {} : { stop_reason: end.stop_reason }),
  };
}

function joinedLogProbs(pieces: readonly LogProbsJson[]): LogProbsJson {
  return {
    tokens: pieces.flatMap(({ tokens }) => tokens),
    token_logprobs: pieces.flatMap((piece) => piece.token_logprobs),
    top_logprobs: pieces.flatMap((piece) => piece.top_logprobs),
    text_offset: pieces.flatMap((piece) => piece.text_offset),
  };
}
