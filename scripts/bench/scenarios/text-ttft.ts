import type { Bench } from '../bench.ts';
import { ask, chat } from '../chat.ts';
import { randomText } from '../prompts.ts';

/** Time to the first text of an answer, on an idle server. */
export async function textTtft(bench: Bench): Promise<void> {
  const servers = await bench.servers(['vserve', 'llama-server'], Math.max(...bench.settings.streams));
  await bench.alternate(
    servers.map(({ contender, pid, url }) => ({
      contender,
      pid,
      measure: async () => {
        const { ttftMs } = await chat(url, [ask(randomText(bench.settings.promptWords))], { maxTokens: 4 });
        return [{ name: 'TTFT of text', unit: 'ms' as const, value: ttftMs }];
      },
    })),
  );
}
