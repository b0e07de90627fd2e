import type { Bench } from '../bench.ts';
import { ask, chat } from '../chat.ts';
import { ceilingCommand } from '../commands.ts';
import { randomText } from '../prompts.ts';
import { runTool } from '../run-tool.ts';

/**
 * Output tokens per second of several streams together, from sending the requests to the end of the last one, prompts
 * included; and what llama.cpp's decoding alone reaches with prompts and answers of the same length.
 */
export async function tokensPerSecond(bench: Bench): Promise<void> {
  const { streams: counts, outputTokens, promptWords } = bench.settings;
  const servers = await bench.servers(['vserve', 'llama-server'], Math.max(...counts));
  for (const streams of counts) {
    const name = `output at ${String(streams)} ${streams === 1 ? 'stream' : 'streams'}`;
    let promptTokens = 0;
    await bench.alternate([
      ...servers.map(({ contender, pid, url }) => ({
        contender,
        pid,
        measure: async () => {
          const prompts = Array.from({ length: streams }, () => [ask(randomText(promptWords))]);
          const answers = await Promise.all(prompts.map((prompt) => chat(url, prompt, { maxTokens: outputTokens })));
          promptTokens = Math.max(...answers.map((answer) => answer.promptTokens));
          const tokens = answers.reduce((sum, { completionTokens }) => sum + completionTokens, 0);
          const [sentAtMs, endedAtMs] = [
            Math.min(...answers.map((answer) => answer.sentAtMs)),
            Math.max(...answers.map((answer) => answer.endedAtMs)),
          ];
          return [{ name, unit: 'tokens/s' as const, value: tokens / ((endedAtMs - sentAtMs) / 1000) }];
        },
      })),
      {
        contender: 'llama-batched-bench' as const,
        measure: async () => {
          const [program = '', ...args] = ceilingCommand(bench.settings, { streams, promptTokens, outputTokens });
          const output = await runTool(program, args);
          const line = output.split('\n').findLast((candidate) => candidate.startsWith('{'));
          if (line === undefined) throw new Error(`llama-batched-bench printed no figures:\n${output}`);
          // `t` is the seconds for prompts and answers together.
          const { t: seconds } = JSON.parse(line) as { t: number };
          return [{ name, unit: 'tokens/s' as const, value: (streams * outputTokens) / seconds }];
        },
      },
    ]);
  }
}
