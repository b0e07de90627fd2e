import type { Bench } from '../bench.ts';
import { ask, chat } from '../chat.ts';
import { serverCommand } from '../commands.ts';
import type { Contender, Reading } from '../figures.ts';
import { randomScreenshot, randomText } from '../prompts.ts';
import { startServer } from '../server.ts';
import { median } from '../statistics.ts';
import type { Server } from '../server.ts';

const screenshots = 40;
const questionWords = 4;
const repeats = 5;

/**
 * An agent's request with forty screenshots, all of which the server saw at earlier turns: the time to the first text is
 * that of reading the body, of finding out which images they are, and of a few tokens. For a model so small that the tokens
 * do not show.
 */
export async function agent(bench: Bench): Promise<void> {
  const servers: Server[] = [];
  try {
    for (const contender of ['vserve', 'llama-server'] as const) servers.push(await start(bench, contender));
    await bench.alternate(
      servers.map((server) => ({ contender: server.contender, pid: server.pid, measure: () => seenBefore(server) })),
    );
  } finally {
    for (const server of servers) await server.stop();
  }
}

/** vserve takes fewer images of a request by default. */
function start({ settings }: Bench, contender: Contender): Promise<Server> {
  const limits = ['--limit-images-per-prompt', String(screenshots), '--max-media-bytes', '200000000'];
  return startServer(contender, (port) => [
    ...serverCommand(contender, settings, 1, port),
    ...(contender === 'vserve' ? limits : []),
  ]);
}

async function seenBefore({ url }: Server): Promise<Reading[]> {
  const pictures = await Promise.all(Array.from({ length: screenshots }, () => randomScreenshot()));
  const ttftMs = async (): Promise<number> =>
    (await chat(url, [ask(...pictures, randomText(questionWords))], { maxTokens: 1 })).ttftMs;
  const coldMs = await ttftMs();
  const againMs: number[] = [];
  for (let i = 0; i < repeats; i++) againMs.push(await ttftMs());
  return [
    { name: 'TTFT of 40 new screenshots', unit: 'ms', value: coldMs },
    { name: 'TTFT of a new question about them', unit: 'ms', value: median(againMs) },
  ];
}
