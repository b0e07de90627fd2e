import type { Bench } from '../bench.ts';
import { ceilingCommand, engineCommand } from '../commands.ts';
import { watchMainThread } from '../main-thread.ts';
import { outputSpeed } from '../output-speed.ts';
import { runTool } from '../run-tool.ts';

/**
 * Output tokens per second of several streams together, from sending the requests to the end of the last one, prompts
 * included; what vserve's engine reaches without the server and its client, and llama.cpp's decoding alone with prompts and answers
 * of the same length; and the CPU time that vserve's JavaScript takes for a token, on CPUs which the model wants.
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
          const usSince = contender === 'vserve' ? watchMainThread(pid) : undefined;
          const output = await outputSpeed(url, { streams, promptWords, outputTokens });
          promptTokens = output.promptTokens;
          const speed = { name, unit: 'tokens/s' as const, value: output.tokensPerSecond };
          if (usSince === undefined) return [speed];
          const usPerToken = usSince() / (streams * outputTokens);
          return [speed, { name: `${name}, JavaScript a token`, unit: 'µs' as const, value: usPerToken }];
        },
      })),
      {
        contender: "vserve's engine" as const,
        measure: async () => {
          const measured = await lastLine(engineCommand(bench.settings, { streams, promptWords, outputTokens }));
          const { tokensPerSecond } = measured as { tokensPerSecond: number };
          return [{ name, unit: 'tokens/s' as const, value: tokensPerSecond }];
        },
      },
      {
        contender: 'llama-batched-bench' as const,
        measure: async () => {
          const measured = await lastLine(ceilingCommand(bench.settings, { streams, promptTokens, outputTokens }));
          // `t` is the seconds for prompts and answers together.
          const { t: seconds } = measured as { t: number };
          return [{ name, unit: 'tokens/s' as const, value: (streams * outputTokens) / seconds }];
        },
      },
    ]);
  }
}

/** What a program prints last: JSON in a line. */
async function lastLine([program = '', ...args]: readonly string[]): Promise<unknown> {
  const output = await runTool(program, args);
  const line = output.split('\n').findLast((candidate) => candidate.startsWith('{'));
  if (line === undefined) throw new Error(`${program} printed no figures:\n${output}`);
  return JSON.parse(line);
}
