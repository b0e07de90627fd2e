import type { Bench } from '../bench.ts';
import { ask, chat } from '../chat.ts';
import type { Reading } from '../figures.ts';
import { randomText } from '../prompts.ts';
import type { Server } from '../server.ts';

/** Of the long prompt, about; fewer if the model's context is too short for as many. */
const longTokens = 4000;
const shortWords = 12;
/** How long the long prompt has a head start: it has arrived, and is far from its end. */
const headStartMs = 300;

/** Time to the first text of a short question, alone and while the server computes the long prompt of another client. */
export async function shortBehindLong(bench: Bench): Promise<void> {
  const servers = await bench.servers(['vserve', 'llama-server'], Math.max(2, ...bench.settings.streams));
  await bench.alternate(
    servers.map((server) => ({
      contender: server.contender,
      pid: server.pid,
      measure: () => askBehind(server, Math.min(longTokens, bench.settings.model.maxLength - 64)),
    })),
  );
}

async function askBehind({ url }: Server, tokens: number): Promise<Reading[]> {
  const alone = await chat(url, [ask(randomText(shortWords))], { maxTokens: 4 });
  const words = Math.floor((tokens * shortWords) / alone.promptTokens);
  const long = chat(url, [ask(randomText(words))], { maxTokens: 4 });
  long.catch(() => undefined); // awaited below
  await new Promise((resolve) => setTimeout(resolve, headStartMs));
  const behind = await chat(url, [ask(randomText(shortWords))], { maxTokens: 4 });
  const { ttftMs } = await long;
  const name = `a prompt of ${String(tokens)} tokens`;
  return [
    { name: 'TTFT of a short question', unit: 'ms', value: alone.ttftMs },
    { name: `TTFT of a short question behind ${name}`, unit: 'ms', value: behind.ttftMs },
    { name: `TTFT of ${name}, with that question`, unit: 'ms', value: ttftMs },
  ];
}
