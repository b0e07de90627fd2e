import type { Bench } from '../bench.ts';
import { type Answer, ask, chat } from '../chat.ts';
import type { Reading } from '../figures.ts';
import { invoiceSchema } from '../invoice-schema.ts';
import { randomText } from '../prompts.ts';
import type { Server } from '../server.ts';

/** More than an invoice of that schema has. */
const mostTokens = 2000;

/**
 * Output tokens per second of a JSON extraction by schema, after the prompt, and of free text of the same length. A model of
 * random weights fills in what the schema leaves open with anything, so that is bounded.
 */
export async function structuredOutput(bench: Bench): Promise<void> {
  const servers = await bench.servers(['vserve', 'llama-server'], 1);
  await bench.alternate(
    servers.map((server) => ({
      contender: server.contender,
      pid: server.pid,
      measure: () => extract(server, bench.settings.promptWords),
    })),
  );
}

async function extract({ url, contender }: Server, promptWords: number): Promise<Reading[]> {
  const responseFormat = { type: 'json_schema', json_schema: { name: 'invoice', strict: true, schema: invoiceSchema } };
  const extraction = await chat(url, [ask(randomText(promptWords))], { maxTokens: mostTokens, responseFormat });
  try {
    JSON.parse(extraction.text);
  } catch (error) {
    throw new Error(`${contender} sent no JSON: ${extraction.text}`, { cause: error });
  }
  const free = await chat(url, [ask(randomText(promptWords))], { maxTokens: extraction.completionTokens });
  return [
    { name: 'JSON by a schema of 20 fields', unit: 'tokens/s', value: speedOf(extraction) },
    { name: 'free text as long as that JSON', unit: 'tokens/s', value: speedOf(free) },
  ];
}

function speedOf({ completionTokens, sentAtMs, endedAtMs }: Answer): number {
  return completionTokens / ((endedAtMs - sentAtMs) / 1000);
}
