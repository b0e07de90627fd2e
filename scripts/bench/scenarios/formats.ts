import type { Bench } from '../bench.ts';
import { type Answer, ask, chat } from '../chat.ts';
import type { Reading } from '../figures.ts';
import { largeSchema } from '../large-schema.ts';
import { randomText } from '../prompts.ts';
import type { Server } from '../server.ts';
import { gapsWithin, longestGap, median } from '../statistics.ts';

/** Any text at all. */
const anything = String.raw`root ::= [^\x00]*`;
const answers = 4;
/** Words of a prompt that several answers share: its tokens take much longer than a step. */
const sharedPromptWords = 300;
/** Texts of the stream before the schema is sent, so that the stream has reached its pace. */
const textsBefore = 16;
/** And behind it, of at most half a second each. */
const textsBehind = 48;

/**
 * What holding an answer to a format costs where it forces nothing; what the first use of a large schema costs others; and
 * how much longer the prompt of several answers takes than that of one.
 */
export async function formats(bench: Bench): Promise<void> {
  const { streams, promptWords, outputTokens } = bench.settings;
  const servers = await bench.servers(['vserve', 'llama-server'], Math.max(answers, ...streams));
  for (const measure of [
    (server: Server) => underGrammar(server, promptWords, outputTokens),
    besideNewSchema,
    manyAnswers,
  ]) {
    await bench.alternate(
      servers.map((server) => ({ contender: server.contender, pid: server.pid, measure: () => measure(server) })),
    );
  }
}

/** Both twice, in turns, and the faster of the two. */
async function underGrammar({ url }: Server, promptWords: number, maxTokens: number): Promise<Reading[]> {
  const timed = async (more: object): Promise<number> =>
    stepMs(await chat(url, [ask(randomText(promptWords))], { maxTokens, more }));
  const free = [await timed({})];
  const held = [await timed({ grammar: anything })];
  free.push(await timed({}));
  held.push(await timed({ grammar: anything }));
  return [
    { name: 'a token under a grammar of any text', unit: '× free text', value: Math.min(...held) / Math.min(...free) },
  ];
}

function stepMs({ textAtMs, completionTokens }: Answer): number {
  return ((textAtMs.at(-1) ?? NaN) - (textAtMs[0] ?? NaN)) / (completionTokens - 1);
}

/** The longest gap of a stream, from the request on, in its usual ones. */
async function besideNewSchema({ url }: Server): Promise<Reading[]> {
  const schema = largeSchema();
  const gap = async (more: object): Promise<number> => {
    const textAtMs: number[] = [];
    let sentAtMs = Infinity;
    let other: Promise<Answer> | undefined;
    const onText = (): void => {
      if (textAtMs.push(performance.now()) !== textsBefore) return;
      sentAtMs = performance.now();
      other = chat(url, [ask(randomText(12))], { maxTokens: 1, more });
      other.catch(() => undefined);
    };
    const { endedAtMs } = await chat(url, [ask(randomText(12))], { maxTokens: textsBefore + textsBehind, onText });
    await other;
    const usualMs = median(gapsWithin(textAtMs, textAtMs[1] ?? 0, sentAtMs).slice(1, -1));
    return longestGap(textAtMs, sentAtMs, Math.min(endedAtMs, textAtMs.at(-1) ?? endedAtMs)) / usualMs;
  };
  const plain = await gap({});
  const response_format = { type: 'json_schema', json_schema: { name: 'large', strict: true, schema } };
  return [
    { name: 'longest gap beside another request', unit: '× a step', value: plain },
    { name: 'longest gap beside a new schema of 100 kB', unit: '× a step', value: await gap({ response_format }) },
  ];
}

async function manyAnswers({ url }: Server): Promise<Reading[]> {
  const ttftMs = async (n: number): Promise<number> =>
    (await chat(url, [ask(randomText(sharedPromptWords))], { maxTokens: 1, more: { n } })).ttftMs;
  const alone = [await ttftMs(1)];
  const together = [await ttftMs(answers)];
  alone.push(await ttftMs(1));
  together.push(await ttftMs(answers));
  const value = Math.min(...together) / Math.min(...alone);
  return [{ name: `TTFT of ${answers} answers to one prompt`, unit: '× alone', value }];
}
