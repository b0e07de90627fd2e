import type { NamesOf } from '../request/field-table.ts';
import { fieldTable } from '../request/field-table.ts';
import { invalid, show } from '../request/invalid-request.ts';
import type { ReadOptions } from '../request/json-object.ts';
import { isJsonObject } from '../request/json-object.ts';
import { TEXT } from '../request/kinds.ts';
import { readFields } from '../request/read-fields.ts';
import { anything } from '../request/values.ts';
import { servedNameOf } from './model-name.ts';

const KINDS = { model: TEXT };
/** `name` is the older one. */
const NAMES: NamesOf<typeof KINDS> = { model: ['model', 'name'] };
export const NAMED_MODEL_FIELDS = fieldTable(KINDS, NAMES, {
  insecure: anything,
  options: anything,
  password: anything,
  stream: anything,
  system: anything,
  template: anything,
  username: anything,
  verbose: anything,
});

/**
 * Reads the model that `/api/show` and `/api/pull` are about. `only`: the name of the model of a server that has no other, which
 * is given with or without a tag. Throws `invalid_request`.
 */
export function readModelName(body: unknown, options: ReadOptions, only: string | undefined): string {
  if (!isJsonObject(body)) throw invalid('', `The body must be a JSON object with a model, not ${show(body)}.`);
  const { values } = readFields<typeof KINDS>(body, NAMED_MODEL_FIELDS, options);
  const name = (only === undefined ? values.model : servedNameOf(values.model, only)) ?? '';
  if (name !== '') return name;
  throw invalid('model', 'model must be the name of a model, not empty.');
}
