import type { ChatMessage, LoadedModel } from '../../src/backend/index.ts';
import { answerTokens } from './conversations.ts';

const sampling = {
  temperature: 0,
  topP: 1,
  topK: -1,
  minP: 0,
  seed: undefined,
  frequencyPenalty: 0,
  presencePenalty: 0,
  repetitionPenalty: 1,
};

export interface OwnAnswer {
  readonly promptTokens: number;
  readonly text: string;
}

/** Asks a model of vserve's engine for a greedy answer of `answerTokens` tokens. */
export async function ask(model: LoadedModel, messages: readonly ChatMessage[]): Promise<OwnAnswer> {
  const request = { messages, sampling, maxTokens: answerTokens, stop: [], ignoreEos: true };
  let promptTokens = 0;
  let text = '';
  for await (const event of model.generate(request, new AbortController().signal)) {
    if (event.type === 'start') promptTokens = event.promptTokens;
    if (event.type === 'text-delta') text += event.text;
  }
  return { promptTokens, text };
}
