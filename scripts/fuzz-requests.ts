/**
 * Sends random chat completion requests, most of them nearly right, to a server with a backend that can be asked for
 * everything. Each must be answered, or refused with a reason:
 *
 *     node dist/scripts/fuzz-requests.js [--count 10000] [--seed 1]
 *
 * Prints how often each outcome came; exits with 1 if a request failed in another way.
 */
import * as fc from 'fast-check';
import { createEchoBackend } from '../backends/echo/index.ts';
import { startServer } from '../src/server/index.ts';
import { defaultLoadSettings } from '../src/settings/index.ts';
import { asked, field, json, messages } from '../test/api/chat/any-request.ts';
import { everything } from '../test/api/chat/support.ts';
import { mediaSettings, serverSettings } from '../test/server/support/settings.ts';
import { scriptArguments } from './arguments.ts';

const { values } = scriptArguments({
  options: { count: { type: 'string', default: '10000' }, seed: { type: 'string', default: '1' } },
});

/** A few of the fields: of many, one would nearly always be wrong. */
const few = fc.tuple(asked, fc.nat(), fc.integer({ min: 0, max: 3 })).map(([fields, first, count]) =>
  Object.fromEntries(
    Object.entries(fields)
      .slice(first % 20)
      .slice(0, count),
  ),
);
const rarely = <T>(arbitrary: fc.Arbitrary<T>, otherwise: T) =>
  fc.oneof({ weight: 5, arbitrary: fc.constant(otherwise) }, arbitrary);
const body = fc
  .record({
    messages: rarely<unknown>(messages, [{ role: 'user', content: 'hello' }]),
    few,
    more: rarely(fc.dictionary(field, json, { maxKeys: 2 }), {}),
  })
  .map(({ messages, few, more }) => JSON.stringify({ messages, ...few, ...more }));

const model = await createEchoBackend({ info: { capabilities: { ...everything, maxChoices: 1 } } }).load(
  { modelPath: '', mmprojPath: undefined },
  defaultLoadSettings,
  { onProgress: () => undefined, log: () => undefined, signal: new AbortController().signal },
);
const server = await startServer({
  hosts: ['127.0.0.1'],
  port: 0,
  metricsPort: undefined,
  model,
  servedModelName: 'echo',
  version: '0',
  settings: serverSettings({ apiTypes: ['openai'], maxStoredResponses: 0 }),
  media: mediaSettings({ maxLocalImageBytes: 0, mediaTimeoutS: 5 }),
  log: () => undefined,
});

/** `200`, or the status and code of a refusal. */
async function outcomeOf(request: string): Promise<string> {
  const response = await fetch(`${server.url}/v1/chat/completions`, { method: 'POST', body: request });
  const text = await response.text();
  if (response.ok) return '200';
  const { error } = JSON.parse(text) as { error: { code: string } };
  return `${String(response.status)} ${error.code}`;
}

const counts = new Map<string, number>();
for (const request of fc.sample(body, { numRuns: Number(values.count), seed: Number(values.seed) })) {
  const outcome = await outcomeOf(request);
  counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  if (/^(?:200|400 )/.test(outcome)) continue;
  console.log(`${outcome}: ${request.slice(0, 1000)}`);
  process.exitCode = 1;
}
for (const [outcome, count] of counts) console.log(`${outcome}: ${String(count)}`);
await server.shutdown();
