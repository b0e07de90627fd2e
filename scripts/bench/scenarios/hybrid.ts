import type { Bench } from '../bench.ts';
import { ask, chat } from '../chat.ts';
import type { Answer, Message } from '../chat.ts';
import type { Reading } from '../figures.ts';
import { randomPicture, randomText } from '../prompts.ts';
import type { Server } from '../server.ts';

const systemWords = 250;
const questionWords = 12;
const maxTokens = 8;

/**
 * On a model whose layers have a state: a question about an image after a long system message, the next turn, and another
 * question about the same image. How long they take, and how many of their tokens are computed.
 */
export async function hybrid(bench: Bench): Promise<void> {
  const servers = await bench.servers(['vserve', 'llama-server'], 1);
  await bench.alternate(
    servers.map((server) => ({
      contender: server.contender,
      pid: server.pid,
      measure: () => askAgain(server, bench.settings.model.imageSize),
    })),
  );
}

async function askAgain({ url }: Server, imageSize: number): Promise<Reading[]> {
  const picture = await randomPicture(imageSize);
  const system: Message = { role: 'system', content: randomText(systemWords) };
  const opening = [system, ask(picture, randomText(questionWords))];
  const first = await chat(url, opening, { maxTokens });
  const turn = [...opening, { role: 'assistant', content: first.text } as const, ask(randomText(questionWords))];
  const next = await chat(url, turn, { maxTokens });
  const other = await chat(url, [system, ask(picture, randomText(questionWords))], { maxTokens });
  return [
    { name: 'TTFT of a new image, hybrid model', unit: 'ms', value: first.ttftMs },
    { name: 'computed for it', unit: 'tokens', value: first.promptTokens - first.cachedTokens },
    ...again('the next turn', next, first),
    ...again('another question about the image', other, first),
  ];
}

function again(what: string, answer: Answer, first: Answer): Reading[] {
  return [
    { name: `TTFT of ${what}`, unit: 'ms', value: answer.ttftMs },
    { name: what, unit: '% of cold', value: (100 * answer.ttftMs) / first.ttftMs },
    { name: `computed for ${what}`, unit: 'tokens', value: answer.promptTokens - answer.cachedTokens },
  ];
}
