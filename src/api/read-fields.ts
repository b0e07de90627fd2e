import { isDeepStrictEqual } from 'node:util';
import type { Field, FieldTable, Kinds, Taker, ValueOf } from './field-table.ts';
import { ANY_KEY } from './field-table.ts';
import { invalid, show, shownName } from './invalid-request.ts';
import type { JsonObject, ReadOptions } from './json-object.ts';
import { entriesOf, isJsonObject, refuseUnknown, unsupported } from './json-object.ts';
import { LongText } from './long-text.ts';

/** What a request's fields say. */
export interface SettingsRead<K extends Kinds> {
  readonly values: { readonly [Setting in keyof K]?: Exclude<ValueOf<K[Setting]>, undefined> };
  /** The field that said it. */
  readonly paths: { readonly [Setting in keyof K]?: string };
}

interface Said {
  readonly value: unknown;
  readonly path: string;
  readonly isFallback: boolean;
}

/**
 * Reads the fields of a request by a table. Throws `invalid_request` for a value that a field cannot have, for two fields
 * that contradict each other, and for a field of an unknown name; `unsupported_parameter` for one that asks for what
 * the server cannot do.
 */
export function readFields<K extends Kinds>(
  body: JsonObject,
  table: FieldTable,
  options: ReadOptions,
): SettingsRead<K> {
  const said = new Map<string, Said>();
  readObject(body, '', table, options, said);
  const entries = [...said];
  return {
    values: Object.fromEntries(entries.map(([setting, { value }]) => [setting, value])),
    paths: Object.fromEntries(entries.map(([setting, { path }]) => [setting, path])),
  } as SettingsRead<K>;
}

function readObject(
  object: JsonObject,
  parent: string,
  table: FieldTable,
  options: ReadOptions,
  said: Map<string, Said>,
): void {
  for (const [name, value] of entriesOf(object)) {
    const path = parent === '' ? shownName(name) : `${parent}.${shownName(name)}`;
    const field = table.get(name) ?? table.get(ANY_KEY);
    if (field === undefined) refuseUnknown(path, options);
    else readField(field, value instanceof LongText ? value.toString() : value, path, options, said);
  }
}

function readField(field: Field, value: unknown, path: string, options: ReadOptions, said: Map<string, Said>): void {
  if (field.asksForNothing?.(value) === true) return;
  if (field.fields.size > 0) {
    if (!isJsonObject(value)) throw invalid(path, `${path} must be an object, not ${show(value)}.`);
    readObject(value, path, field.fields, options, said);
  } else if (field.takers.length === 0) {
    throw unsupported(path, value);
  }
  for (const taker of field.takers) take(taker, value, path, said);
}

function take({ setting, kind, isFallback }: Taker, given: unknown, path: string, said: Map<string, Said>): void {
  const parsed = kind.schema.safeParse(given);
  if (!parsed.success) throw invalid(path, `${path} must be ${kind.expected}, not ${show(given)}.`);
  if (parsed.data === undefined) return;
  const next: Said = { value: parsed.data, path, isFallback };
  const before = said.get(setting);
  if (before === undefined || (before.isFallback && !isFallback)) said.set(setting, next);
  else if (isFallback && !before.isFallback) return;
  else if (!isDeepStrictEqual(before.value, next.value)) throw contradiction(before.path, path);
}

/** The error of two fields that cannot both be followed. */
export function contradiction(path: string, other: string) {
  return invalid(path, `${path} and ${other} contradict each other. Send only one of them.`);
}
