import type { Bench } from '../bench.ts';
import { ask, chat } from '../chat.ts';
import type { Message } from '../chat.ts';
import type { Reading } from '../figures.ts';
import { randomPicture, randomText } from '../prompts.ts';
import { median } from '../statistics.ts';
import type { Server } from '../server.ts';

const questionWords = 4;
const answerTokens = 8;
const turns = 20;

/**
 * A conversation of twenty turns with ten pictures, one at every other turn: the time to the first text of the turns with a
 * new picture, and of those without.
 */
export async function album(bench: Bench): Promise<void> {
  const servers = await bench.servers(['vserve', 'llama-server', 'llama-server --swa-full'], 1);
  await bench.alternate(
    servers.map((server) => ({
      contender: server.contender,
      pid: server.pid,
      measure: () => conversation(server, bench.settings.model.imageSize),
    })),
  );
}

async function conversation({ url }: Server, imageSize: number): Promise<Reading[]> {
  const messages: Message[] = [];
  const withPictureMs: number[] = [];
  const withoutMs: number[] = [];
  for (let turn = 0; turn < turns; turn++) {
    const hasPicture = turn % 2 === 0;
    const question = randomText(questionWords);
    messages.push(hasPicture ? ask(await randomPicture(imageSize), question) : ask(question));
    const { text, ttftMs } = await chat(url, messages, { maxTokens: answerTokens });
    (hasPicture ? withPictureMs : withoutMs).push(ttftMs);
    messages.push({ role: 'assistant', content: text });
  }
  return [
    { name: 'TTFT of a turn with a new picture, of 20 turns', unit: 'ms', value: median(withPictureMs) },
    { name: 'TTFT of a turn without one, of 20 turns', unit: 'ms', value: median(withoutMs) },
  ];
}
