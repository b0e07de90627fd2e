import type { ChatMessage, LoadedModel } from '../../src/backend/index.ts';
import { answerTokens } from './conversations.ts';
import { greedyRequest } from './greedy.ts';

export interface OwnAnswer {
  readonly promptTokens: number;
  readonly text: string;
}

/** Asks a model of vserve's engine for a greedy answer of `answerTokens` tokens. */
export async function ask(model: LoadedModel, messages: readonly ChatMessage[]): Promise<OwnAnswer> {
  const request = { messages, ...greedyRequest, maxTokens: answerTokens, ignoreEos: true };
  let promptTokens = 0;
  let text = '';
  for await (const event of model.generate(request, new AbortController().signal)) {
    if (event.type === 'start') promptTokens = event.promptTokens;
    if (event.type === 'text-delta') text += event.text;
  }
  return { promptTokens, text };
}
