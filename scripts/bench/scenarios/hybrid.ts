import type { Bench } from '../bench.ts';
import { ask, chat } from '../chat.ts';
import type { Answer, Message } from '../chat.ts';
import type { Reading } from '../figures.ts';
import { randomPicture, randomText } from '../prompts.ts';
import type { Server } from '../server.ts';

const documentWords = 250;
const questionWords = 12;

/**
 * On a model whose layers have a state: an image and a long text first, then another question about the same, and the next
 * turn. How long they take, and how many of their tokens are computed again.
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
  const text = randomText(documentWords);
  const about = (): Message => ask(picture, `${text}\n${randomText(questionWords)}`);
  const opening = about();
  const first = await chat(url, [opening], { maxTokens: 8 });
  const other = await chat(url, [about()], { maxTokens: 8 });
  const turn = [opening, { role: 'assistant', content: first.text } as const, ask(randomText(questionWords))];
  const next = await chat(url, turn, { maxTokens: 8 });
  return [
    { name: 'TTFT of an image and a text, hybrid model', unit: 'ms', value: first.ttftMs },
    ...again('another question about them', other, first),
    ...again('the next turn', next, first),
  ];
}

function again(what: string, answer: Answer, first: Answer): Reading[] {
  return [
    { name: `TTFT of ${what}`, unit: 'ms', value: answer.ttftMs },
    { name: what, unit: '% of cold', value: (100 * answer.ttftMs) / first.ttftMs },
    { name: `computed for ${what}`, unit: 'tokens', value: answer.promptTokens - answer.cachedTokens },
  ];
}
