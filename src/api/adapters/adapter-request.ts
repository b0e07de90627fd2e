import { fieldTable } from '../request/field-table.ts';
import { invalid, show } from '../request/invalid-request.ts';
import type { ReadOptions } from '../request/json-object.ts';
import { isJsonObject } from '../request/json-object.ts';
import { TEXT } from '../request/kinds.ts';
import { readFields } from '../request/read-fields.ts';
import { anything } from '../request/values.ts';

/** An adapter to load. */
export interface LoadAdapterRequest {
  /** As requests will name it. */
  readonly name: string;
  /** A path on the server, or a Hugging Face id. */
  readonly path: string;
}

/** Names are in lists of models, and both in errors and the log. */
const MAX_CHARACTERS = { lora_name: 255, lora_path: 4096 } as const;

const LOAD_KINDS = { name: TEXT, path: TEXT };
export const LOAD_ADAPTER_FIELDS = fieldTable(LOAD_KINDS, { name: ['lora_name'], path: ['lora_path'] }, {});

const UNLOAD_KINDS = { name: TEXT };
/** vLLM numbers its adapters, too, and does not look at the number. */
export const UNLOAD_ADAPTER_FIELDS = fieldTable(UNLOAD_KINDS, { name: ['lora_name'] }, { lora_int_id: anything });

/** Parses the body of `/v1/load_lora_adapter`: MAX's, and vLLM's. Throws `invalid_request`. */
export function parseLoadAdapterRequest(body: unknown, options: ReadOptions): LoadAdapterRequest {
  const { name, path } = readFields<typeof LOAD_KINDS>(objectIn(body), LOAD_ADAPTER_FIELDS, options).values;
  return { name: given('lora_name', name), path: given('lora_path', path) };
}

/** Parses the body of `/v1/unload_lora_adapter`: the name of an adapter. Throws `invalid_request`. */
export function parseUnloadAdapterRequest(body: unknown, options: ReadOptions): string {
  const { name } = readFields<typeof UNLOAD_KINDS>(objectIn(body), UNLOAD_ADAPTER_FIELDS, options).values;
  return given('lora_name', name);
}

function objectIn(body: unknown): Readonly<Record<string, unknown>> {
  if (isJsonObject(body)) return body;
  throw invalid('', `The body must be a JSON object with lora_name, not ${show(body)}.`);
}

function given(field: keyof typeof MAX_CHARACTERS, value: string | undefined): string {
  const max = MAX_CHARACTERS[field];
  if (value !== undefined && value !== '' && value.length <= max) return value;
  throw invalid(field, `${field} must be a text of at most ${String(max)} characters, and not empty.`);
}
