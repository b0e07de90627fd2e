import { readFile } from 'node:fs/promises';
import { fileFault, isCodedError, messageOf, systemErrorCode, VserveError } from '../../errors/index.ts';
import type { Settings } from '../../settings/index.ts';

/** The settings of how an answer is generated. */
export const samplingSettingNames = [
  'schema',
  'maxNewTokens',
  'minNewTokens',
  'reasoningEffort',
  'temperature',
  'topK',
  'topP',
  'minP',
  'frequencyPenalty',
  'presencePenalty',
  'repetitionPenalty',
  'seed',
  'stop',
  'stopTokenIds',
  'ignoreEos',
] as const;

type SamplingSettings = Pick<Settings, (typeof samplingSettingNames)[number]>;

/** The fields of a chat completion request for these settings. Only what is set is sent. Throws `invalid_setting`. */
export async function requestFields(settings: SamplingSettings): Promise<Readonly<Record<string, unknown>>> {
  const schema = settings.schema === undefined ? undefined : await readSchema(settings.schema);
  const fields = {
    response_format: schema && { type: 'json_schema', json_schema: { name: 'answer', strict: true, schema } },
    max_tokens: settings.maxNewTokens,
    min_tokens: settings.minNewTokens,
    reasoning_effort: settings.reasoningEffort,
    temperature: settings.temperature,
    top_k: settings.topK,
    top_p: settings.topP,
    min_p: settings.minP,
    frequency_penalty: settings.frequencyPenalty,
    presence_penalty: settings.presencePenalty,
    repetition_penalty: settings.repetitionPenalty,
    seed: settings.seed,
    stop: settings.stop.length === 0 ? undefined : settings.stop,
    stop_token_ids: settings.stopTokenIds.length === 0 ? undefined : settings.stopTokenIds,
    ignore_eos: settings.ignoreEos || undefined,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** Where a server that refuses a schema has it. */
const schemaPath = 'response_format.json_schema.schema';

/** An error of a request whose schema is what was `given`: where it is about the schema, it names that, and the place in it. */
export function namingSchema(error: unknown, given: string | undefined): unknown {
  if (given === undefined || !isCodedError(error) || error.param?.startsWith(schemaPath) !== true) return error;
  const place = error.param.slice(schemaPath.length).replace(/^\./, '');
  const name = given.trimStart().startsWith('{') ? '--schema' : `--schema ${given}`;
  const message = `${name}${place === '' ? '' : `, at ${place}`}: ${error.message}`;
  return new VserveError(error.code, message, { cause: error, param: 'schema' });
}

/** A JSON object, as it stands or in a file. */
async function readSchema(given: string): Promise<object> {
  const isJson = given.trimStart().startsWith('{');
  const text = isJson ? given : await readFile(given, 'utf8').catch((error: unknown) => throwUnreadable(given, error));
  const place = isJson ? '--schema' : `The schema in ${given}`;
  try {
    const schema: unknown = JSON.parse(text);
    if (typeof schema === 'object' && schema !== null && !Array.isArray(schema)) return schema;
  } catch (cause) {
    throw new VserveError('invalid_setting', `${place} is not JSON: ${messageOf(cause)}`, { cause, param: 'schema' });
  }
  throw new VserveError('invalid_setting', `${place} must be a JSON object.`, { param: 'schema' });
}

function throwUnreadable(path: string, cause: unknown): never {
  const reason = systemErrorCode(cause) === 'ENOENT' ? 'does not exist' : `cannot be read: ${fileFault(cause)}`;
  const message = `--schema names ${path}, which ${reason}. Give JSON that begins with {, or the path of a file.`;
  throw new VserveError('invalid_setting', message, { cause, param: 'schema' });
}
