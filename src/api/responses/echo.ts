import type { JsonValue } from '../../backend/index.ts';
import type { JsonObject } from '../request/json-object.ts';
import { isJsonObject } from '../request/json-object.ts';
import { readJson } from '../request/json-value.ts';
import type { SettingsRead } from '../request/read-fields.ts';
import type { ResponseEcho } from './response-request.ts';
import type { RESPONSE_KINDS } from './settings.ts';

type Values = SettingsRead<typeof RESPONSE_KINDS>['values'];

/** Fields that a response repeats as they are, and what stands there without them. */
const REPEATED: Readonly<Record<string, JsonValue>> = {
  instructions: null,
  max_output_tokens: null,
  max_tool_calls: null,
  metadata: {},
  parallel_tool_calls: true,
  previous_response_id: null,
  prompt_cache_key: null,
  safety_identifier: null,
  temperature: null,
  tool_choice: 'auto',
  top_logprobs: 0,
  top_p: null,
  truncation: 'disabled',
  user: null,
};

/** What a response repeats of its request. `store` is whether it is kept indeed. Throws `invalid_request`. */
export function echoOf(body: JsonObject, values: Values, store: boolean): ResponseEcho {
  const repeated = Object.entries(REPEATED).map(([name, absent]) => [name, plain(body[name], name) ?? absent]);
  return {
    ...(Object.fromEntries(repeated) as ResponseEcho),
    background: values.background ?? false,
    reasoning: { effort: values.reasoningEffort ?? null, summary: values.summary ?? null },
    service_tier: 'default',
    store,
    text: { format: formatOf(body['text']), verbosity: 'medium' },
    tools: values.offered?.echo ?? [],
  };
}

function formatOf(text: unknown): JsonValue {
  return plain(isJsonObject(text) ? text['format'] : undefined, 'text.format') ?? { type: 'text' };
}

function plain(value: unknown, path: string): JsonValue | undefined {
  return value === undefined || value === null ? undefined : readJson(value, path);
}
