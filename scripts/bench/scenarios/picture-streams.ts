import type { Bench } from '../bench.ts';
import { ask, chat } from '../chat.ts';
import type { Reading } from '../figures.ts';
import { randomPicture, randomText } from '../prompts.ts';
import { median } from '../statistics.ts';

const questionWords = 12;

/** Output tokens per second, and the time to the first text, of several streams that each ask about a picture of their own. */
export async function pictureStreams(bench: Bench): Promise<void> {
  const { streams: counts, outputTokens, model } = bench.settings;
  const servers = await bench.servers(['vserve', 'llama-server'], Math.max(...counts));
  for (const streams of counts) {
    await bench.alternate(
      servers.map(({ contender, pid, url }) => ({
        contender,
        pid,
        measure: () => askTogether(url, streams, outputTokens, model.imageSize),
      })),
    );
  }
}

async function askTogether(url: string, streams: number, maxTokens: number, imageSize: number): Promise<Reading[]> {
  const prompts = await Promise.all(
    Array.from({ length: streams }, async () => [ask(await randomPicture(imageSize), randomText(questionWords))]),
  );
  const answers = await Promise.all(prompts.map((prompt) => chat(url, prompt, { maxTokens })));
  const tokens = answers.reduce((sum, { completionTokens }) => sum + completionTokens, 0);
  const sentAtMs = Math.min(...answers.map((answer) => answer.sentAtMs));
  const endedAtMs = Math.max(...answers.map((answer) => answer.endedAtMs));
  const name = `with a picture each at ${String(streams)} ${streams === 1 ? 'stream' : 'streams'}`;
  return [
    { name: `output ${name}`, unit: 'tokens/s', value: tokens / ((endedAtMs - sentAtMs) / 1000) },
    { name: `TTFT ${name} (median)`, unit: 'ms', value: median(answers.map(({ ttftMs }) => ttftMs)) },
  ];
}
