import { ask, chat } from './chat.ts';
import { randomText } from './prompts.ts';

/** Sizes of a load of streams that are requested together. */
export interface StreamLoad {
  readonly streams: number;
  readonly promptWords: number;
  readonly outputTokens: number;
}

/** Output tokens a second of all streams together, from sending the requests to the end of the last one. */
export async function outputSpeed(
  url: string,
  { streams, promptWords, outputTokens }: StreamLoad,
): Promise<{ tokensPerSecond: number; promptTokens: number }> {
  const prompts = Array.from({ length: streams }, () => [ask(randomText(promptWords))]);
  const answers = await Promise.all(prompts.map((prompt) => chat(url, prompt, { maxTokens: outputTokens })));
  const tokens = answers.reduce((sum, { completionTokens }) => sum + completionTokens, 0);
  const sentAtMs = Math.min(...answers.map((answer) => answer.sentAtMs));
  const endedAtMs = Math.max(...answers.map((answer) => answer.endedAtMs));
  return {
    tokensPerSecond: tokens / ((endedAtMs - sentAtMs) / 1000),
    promptTokens: Math.max(...answers.map((answer) => answer.promptTokens)),
  };
}
