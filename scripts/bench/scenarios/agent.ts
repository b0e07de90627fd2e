import type { Bench } from '../bench.ts';
import { ask, chat } from '../chat.ts';
import type { Reading } from '../figures.ts';
import { randomScreenshot, randomText } from '../prompts.ts';
import { freePort } from '../server.ts';
import { median } from '../statistics.ts';
import type { Server } from '../server.ts';

const screenshots = 40;
const questionWords = 4;
const repeats = 5;

/**
 * An agent's request with forty screenshots, all of which the server saw at earlier turns: the time to the first text is
 * that of reading the body, of finding out which images they are, and of a few tokens. For a model so small that the tokens
 * do not show. Of vserve, also what comes before the prefill, as it says itself.
 */
export async function agent(bench: Bench): Promise<void> {
  const servers: Server[] = [];
  try {
    const metricsPort = await freePort();
    servers.push(await bench.start('vserve', 1, { 'metrics-endpoint-port': metricsPort }));
    servers.push(await bench.start('llama-server', 1));
    await bench.alternate(
      servers.map((server) => ({
        contender: server.contender,
        pid: server.pid,
        measure: () => seenBefore(server, server.contender === 'vserve' ? metricsPort : undefined),
      })),
    );
  } finally {
    for (const server of servers) await server.stop();
  }
}

async function seenBefore({ url }: Server, metricsPort: number | undefined): Promise<Reading[]> {
  const pictures = await Promise.all(Array.from({ length: screenshots }, () => randomScreenshot()));
  const ttftMs = async (): Promise<number> =>
    (await chat(url, [ask(...pictures, randomText(questionWords))], { maxTokens: 1 })).ttftMs;
  const coldMs = await ttftMs();
  const againMs: number[] = [];
  const inputMs: number[] = [];
  for (let i = 0; i < repeats; i++) {
    const beforeMs = metricsPort === undefined ? 0 : await inputProcessingMs(metricsPort);
    againMs.push(await ttftMs());
    if (metricsPort !== undefined) inputMs.push((await inputProcessingMs(metricsPort)) - beforeMs);
  }
  const readings: Reading[] = [
    { name: 'TTFT of 40 new screenshots', unit: 'ms', value: coldMs },
    { name: 'TTFT of a new question about them', unit: 'ms', value: median(againMs) },
  ];
  const name = 'before the prefill of that question';
  return inputMs.length === 0 ? readings : [...readings, { name, unit: 'ms', value: median(inputMs) }];
}

/** What all requests so far took until their prompts were made. */
async function inputProcessingMs(metricsPort: number): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${String(metricsPort)}/metrics`);
  const value = /^maxserve_input_processing_time_milliseconds_sum (.+)$/m.exec(await response.text())?.[1];
  if (value === undefined) throw new Error('vserve has no maxserve_input_processing_time_milliseconds.');
  return Number(value);
}
