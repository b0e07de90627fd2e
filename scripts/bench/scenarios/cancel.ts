import { setTimeout as delay } from 'node:timers/promises';
import type { Bench } from '../bench.ts';
import { ask, chat } from '../chat.ts';
import { randomPicture, randomText } from '../prompts.ts';
import type { Server } from '../server.ts';

/** When the client disconnects, as a fraction of the time to first text: well inside the encoder. */
const leavesAfter = 0.25;

/** With one place: time from a disconnect during image encoding to the first text of the next client. */
export async function cancelDuringEncode(bench: Bench): Promise<void> {
  const { imageSize } = bench.settings.model;
  const servers = await bench.servers(['vserve', 'llama-server'], 1);
  await bench.alternate(
    servers.map((server) => ({
      contender: server.contender,
      pid: server.pid,
      measure: async () => [
        {
          name: 'TTFT after a cancelled image, one place',
          unit: 'ms' as const,
          value: await ttftAfterCancel(server, imageSize),
        },
      ],
    })),
  );
}

async function ttftAfterCancel({ url }: Server, imageSize: number): Promise<number> {
  const question = randomText(12);
  const { ttftMs } = await chat(url, [ask(await randomPicture(imageSize), question)], { maxTokens: 1 });
  const leave = new AbortController();
  const abandoned = chat(url, [ask(await randomPicture(imageSize), question)], { maxTokens: 64, signal: leave.signal });
  const left = abandoned.then(
    () => Promise.reject(new Error('The answer came before its client left.')),
    (error: unknown) => (leave.signal.aborted ? undefined : Promise.reject(error)),
  );
  await Promise.race([delay(ttftMs * leavesAfter), left]);
  leave.abort();
  const next = await chat(url, [ask(randomText(12))], { maxTokens: 4 });
  await left;
  return next.ttftMs;
}
