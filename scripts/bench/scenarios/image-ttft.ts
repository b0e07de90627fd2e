import type { Bench } from '../bench.ts';
import { ask, chat } from '../chat.ts';
import type { Message } from '../chat.ts';
import type { Reading } from '../figures.ts';
import { randomPicture, randomText } from '../prompts.ts';
import type { Server } from '../server.ts';

const questionWords = 12;
const introductionWords = 60;

/**
 * Time to the first text about an image that the server has not seen, and about one that it has: with a new question
 * after it, with new text before it, and in the next turn of the conversation.
 */
export async function imageTtft(bench: Bench): Promise<void> {
  const servers = await bench.servers(
    ['vserve', 'llama-server', 'llama-server --swa-full'],
    Math.max(...bench.settings.streams),
  );
  await bench.alternate(
    servers.map((server) => ({
      contender: server.contender,
      pid: server.pid,
      measure: () => coldAndAgain(server, bench.settings.model.imageSize),
    })),
  );
}

async function coldAndAgain({ url }: Server, imageSize: number): Promise<Reading[]> {
  const picture = await randomPicture(imageSize);
  const ttftMs = async (messages: readonly Message[]): Promise<number> =>
    (await chat(url, messages, { maxTokens: 4 })).ttftMs;

  const opening = ask(picture, randomText(questionWords));
  const first = await chat(url, [opening], { maxTokens: 32 });
  const nextTurn = [opening, { role: 'assistant', content: first.text } as const, ask(randomText(questionWords))];
  const cases = {
    'next turn about it': await ttftMs(nextTurn),
    'the same image, a new question': await ttftMs([ask(picture, randomText(questionWords))]),
    'new text before the same image': await ttftMs([
      ask(randomText(introductionWords), picture, randomText(questionWords)),
    ]),
  };
  return [
    { name: 'TTFT of a new image', unit: 'ms', value: first.ttftMs },
    ...Object.entries(cases).flatMap(([name, value]): Reading[] => [
      { name: `TTFT of ${name}`, unit: 'ms', value },
      { name, unit: '% of cold', value: (100 * value) / first.ttftMs },
    ]),
  ];
}
