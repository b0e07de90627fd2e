import type { Bench } from '../bench.ts';
import { ask, chat } from '../chat.ts';
import type { Reading } from '../figures.ts';
import { randomPicture, randomText } from '../prompts.ts';
import { longestGap } from '../statistics.ts';
import type { Server } from '../server.ts';

/** Texts of the stream before the image is sent, so that the stream has reached its pace. */
const textsBefore = 16;

/** The longest stall of a running stream while another request's image is encoded, and that request's wait. */
export async function streamGap(bench: Bench): Promise<void> {
  const servers = await bench.servers(['vserve', 'llama-server'], Math.max(...bench.settings.streams));
  await bench.alternate(
    servers.map((server) => ({
      contender: server.contender,
      pid: server.pid,
      measure: () => encodeBesideStream(server, bench.settings.model),
    })),
  );
}

async function encodeBesideStream(
  { url }: Server,
  { imageSize, maxLength }: { imageSize: number; maxLength: number },
): Promise<Reading[]> {
  const picture = await randomPicture(imageSize);
  const textAtMs: number[] = [];
  let onText: (() => void) | undefined;
  const stop = new AbortController();
  const running = new Promise<void>((resolve) => {
    onText = () => {
      if (textAtMs.push(performance.now()) === textsBefore) resolve();
    };
  });
  const question = [ask(randomText(12))];
  const stream = chat(url, question, { maxTokens: Math.floor(maxLength * 0.9), signal: stop.signal, onText });
  const ended = stream.then(
    () => Promise.reject(new Error('The stream ended before the image was encoded: take a larger model.')),
    (error: unknown) => (stop.signal.aborted ? undefined : Promise.reject(error)),
  );
  await Promise.race([running, ended]);
  const answer = chat(url, [ask(picture, randomText(12))], { maxTokens: 1 });
  await Promise.race([answer, ended]);
  const { sentAtMs, ttftMs } = await answer;
  stop.abort();
  await ended;
  const idleGapMs = longestGap(textAtMs, textAtMs[1] ?? 0, textAtMs[textsBefore - 1] ?? 0);
  // The abandoned stream leaves its server before the next measurement.
  await chat(url, [ask(randomText(12))], { maxTokens: 4 });
  return [
    { name: 'longest gap of a lone stream', unit: 'ms', value: idleGapMs },
    {
      name: 'longest gap while an image is encoded',
      unit: 'ms',
      value: longestGap(textAtMs, sentAtMs, sentAtMs + ttftMs),
    },
    { name: 'TTFT of that image', unit: 'ms', value: ttftMs },
  ];
}
