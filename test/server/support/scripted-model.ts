import type { GenerateRequest, GenerationEvent, LoadedModel } from '../../../src/backend/index.ts';
import { everything, infoWith } from '../../api/chat/support.ts';

/** What an answer consists of. */
export interface Script {
  readonly reasoning?: string;
  readonly text?: string;
  readonly calls?: readonly { readonly name: string; readonly arguments: object }[];
}

/** A model that can be asked for everything, and answers from a script: a turn each, the last one again and again. */
export function scriptedModel(...turns: readonly Script[]): LoadedModel & { readonly requests: GenerateRequest[] } {
  const requests: GenerateRequest[] = [];
  return {
    requests,
    info: infoWith(everything),
    async *generate(request, signal) {
      signal.throwIfAborted();
      await Promise.resolve();
      const turn = turns[Math.min(requests.length, turns.length - 1)] ?? {};
      requests.push(request);
      yield { type: 'start', promptTokens: 5 };
      for (let choice = 0; choice < request.choices; choice += 1) yield* answer(turn, request, choice, requests.length);
    },
    stats: () => ({ sequencesRunning: 0, sequencesQueued: 0 }),
    close: () => Promise.resolve(),
  };
}

function* answer(
  turn: Script,
  request: GenerateRequest,
  choice: number,
  turnNumber: number,
): Generator<GenerationEvent> {
  const { reasoning = '', text = '', calls = [] } = turn;
  let tokens = 0;
  for (const piece of pieces(reasoning)) {
    tokens += 1;
    yield { type: 'reasoning-delta', text: piece, tokens: 1, choice };
  }
  for (const piece of pieces(text)) {
    tokens += 1;
    const token = { id: tokens, text: piece, bytes: [...Buffer.from(piece)], logProb: -tokens };
    const logProbs = request.logProbs === undefined ? {} : { logProbs: [{ ...token, likeliest: [token] }] };
    yield { type: 'text-delta', text: piece, tokens: 1, choice, ...logProbs };
  }
  for (const [index, { name, arguments: values }] of calls.entries()) {
    const id = `call_${String(turnNumber)}_${String(index)}`;
    yield { type: 'tool-call-delta', index, call: { id, name }, arguments: '', tokens: 1, choice };
    for (const piece of pieces(JSON.stringify(values))) {
      tokens += 1;
      yield { type: 'tool-call-delta', index, arguments: piece, tokens: 1, choice };
    }
  }
  yield {
    type: 'finish',
    choice,
    reason: calls.length > 0 ? 'tool_calls' : 'stop',
    usage: { promptTokens: 5, cachedTokens: 1, completionTokens: tokens, reasoningTokens: pieces(reasoning).length },
    timings: { queueMs: 0, prefillMs: 1, decodeMs: 1 },
  };
}

/** A text in pieces of a few characters. */
function pieces(text: string): string[] {
  return text.match(/[^]{1,4}/g) ?? [];
}
