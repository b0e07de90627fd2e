import type { Bench } from '../bench.ts';
import { ask, chat } from '../chat.ts';
import type { Contender, Reading } from '../figures.ts';
import { randomText } from '../prompts.ts';

const sampleMs = 50;

/** Time from starting the process to ready; resident memory then and at the maximum of streams. */
export async function startAndMemory(bench: Bench): Promise<void> {
  const sides = ['vserve', 'llama-server'] as const;
  await bench.alternate(sides.map((contender) => ({ contender, measure: () => startOnce(bench, contender) })));
}

async function startOnce(bench: Bench, contender: Contender): Promise<Reading[]> {
  const { promptWords, outputTokens } = bench.settings;
  const streams = Math.max(...bench.settings.streams);
  const server = await bench.start(contender, streams);
  try {
    const loadedMb = await server.residentMb();
    const load = Promise.all(
      Array.from({ length: streams }, () =>
        chat(server.url, [ask(randomText(promptWords))], { maxTokens: outputTokens }),
      ),
    );
    let mostMb = loadedMb;
    const watch = setInterval(() => {
      void server.residentMb().then((residentMb) => (mostMb = Math.max(mostMb, residentMb)));
    }, sampleMs);
    await load.finally(() => {
      clearInterval(watch);
    });
    return [
      { name: 'start to ready', unit: 'ms', value: server.readyMs },
      { name: 'RSS when loaded', unit: 'MB', value: loadedMb },
      { name: `RSS under ${String(streams)} streams`, unit: 'MB', value: mostMb },
    ];
  } finally {
    await server.stop();
  }
}
