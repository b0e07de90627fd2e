import { setImmediate } from 'node:timers/promises';
import { chatFormat } from '../api/chat/index.ts';
import type { LoadedModel } from '../backend/index.ts';
import { messageOf } from '../errors/index.ts';
import type { MediaResolver } from '../media/index.ts';
import type { Log } from './access-log.ts';
import { JsonScanner } from './json-scanner.ts';

/** As request bodies are read. */
const PIECE_CHARACTERS = 4096;
/** V8 goes on compiling what it runs for as many. */
const SAMPLE_REQUESTS = 3;
const SECTIONS = 40;
const FIELDS = 20;

/** Has a model do beforehand what would make its first requests slow. Requests are answered meanwhile. */
export async function warmUpModel(model: LoadedModel, log: Log): Promise<void> {
  await unlessFailing('The first schemas', async () => model.warmUp?.(), log);
}

/** The same for a server, and the model that it begins with, if there is one. */
export async function warmUpServer(
  model: LoadedModel | undefined,
  media: Pick<MediaResolver, 'warmUp'>,
  log: Log,
): Promise<void> {
  await unlessFailing('The first image behind a URL', () => media.warmUp(), log);
  await unlessFailing(
    'The first schemas',
    async () => {
      for (let i = 0; i < SAMPLE_REQUESTS; i += 1) await readSampleRequest();
      await model?.warmUp?.();
    },
    log,
  );
}

async function unlessFailing(what: string, work: () => Promise<void>, log: Log): Promise<void> {
  try {
    await work();
  } catch (error) {
    log('warning', `${what} will be slow: ${messageOf(error)}`);
  }
}

/**
 * Reads a chat completion request with a schema of about 100 kB as clients send one, in between other work: by the time
 * that theirs comes, V8 has compiled what reads it, and streams do not wait for that.
 */
async function readSampleRequest(): Promise<void> {
  const body = JSON.stringify(sampleRequest());
  const scanner = new JsonScanner();
  for (let at = 0; at < body.length; at += PIECE_CHARACTERS) {
    scanner.push(body.slice(at, at + PIECE_CHARACTERS));
    await setImmediate();
  }
  const value = scanner.end();
  await setImmediate();
  chatFormat.parse(value, { allowExtraFields: false });
}

function sampleRequest(): object {
  const tool = {
    type: 'function',
    function: { name: 'note', description: 'Notes it.', parameters: objectOf(fields('note')) },
  };
  const sections = Array.from(
    { length: SECTIONS },
    (_, i) => [`section_${String(i)}`, objectOf(fields(String(i)))] as const,
  );
  const schema = objectOf(Object.fromEntries(sections));
  return {
    messages: [{ role: 'user', content: [{ type: 'text', text: 'What is in it?' }] }],
    tools: [tool],
    tool_choice: 'auto',
    response_format: { type: 'json_schema', json_schema: { name: 'sample', strict: true, schema } },
    max_tokens: 100,
    temperature: 0,
    stream: true,
  };
}

function fields(name: string): object {
  const description = `What stands in this field of ${name}, as it is printed there.`;
  const kinds = [
    { type: 'string', maxLength: 40, description },
    { type: 'integer', minimum: 0, maximum: 10_000, description },
    { enum: ['pending', 'paid', 'overdue', name], description },
    { anyOf: [{ type: 'array', items: { type: 'string' } }, { type: 'null' }], description },
  ];
  return Object.fromEntries(
    Array.from({ length: FIELDS }, (_, i) => [`field_${String(i)}`, kinds[i % kinds.length]] as const),
  );
}

function objectOf(properties: object): object {
  return { type: 'object', properties, required: Object.keys(properties), additionalProperties: false };
}
