import { isDeepStrictEqual } from 'node:util';
import type { Field, FieldTable, Kinds, Setter, ValueOf } from './field-table.ts';
import { ANY_KEY } from './field-table.ts';
import { contradiction, invalid, show, shownName } from './invalid-request.ts';
import type { JsonObject, ReadOptions } from './json-object.ts';
import { isJsonObject, refuseUnknown, unsupported } from './json-object.ts';
import { readKind } from './kinds.ts';
import { LongText, textOf } from './long-text.ts';

/** The settings of a request. */
export interface SettingsRead<K extends Kinds> {
  readonly values: { readonly [Setting in keyof K]?: Exclude<ValueOf<K[Setting]>, undefined> };
  /** The field that set each of them. */
  readonly paths: { readonly [Setting in keyof K]?: string };
}

interface Setting {
  readonly value: unknown;
  readonly path: string;
  readonly isFallback: boolean;
}

/**
 * Reads the fields of a request by a table. Throws `invalid_request` for an invalid value, an unknown field, and fields
 * that contradict each other; `unsupported_parameter` for a field that asks for something the server cannot do.
 */
export function readFields<K extends Kinds>(
  body: JsonObject,
  table: FieldTable,
  options: ReadOptions,
): SettingsRead<K> {
  const settings = new Map<string, Setting>();
  readObject(body, '', table, options, settings);
  const entries = [...settings];
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
  settings: Map<string, Setting>,
): void {
  for (const name of Object.keys(object)) {
    const value = object[name];
    if (value === null) continue;
    const path = parent === '' ? shownName(name) : `${parent}.${shownName(name)}`;
    const field = table.get(name) ?? table.get(ANY_KEY);
    if (field === undefined) refuseUnknown(name, path, value, options);
    else readField(field, value instanceof LongText ? textOf(value) : value, path, options, settings);
  }
}

function readField(
  field: Field,
  value: unknown,
  path: string,
  options: ReadOptions,
  settings: Map<string, Setting>,
): void {
  if (field.hasNoEffect?.(value) === true) return;
  if (field.fields.size > 0) {
    if (!isJsonObject(value)) throw invalid(path, `${path} must be an object, not ${show(value)}.`);
    readObject(value, path, field.fields, options, settings);
  } else if (field.setters.length === 0) {
    throw unsupported(path, value);
  }
  for (const setter of field.setters) set(setter, readKind(setter.kind, value, path, options), path, settings);
}

function set({ setting, isFallback }: Setter, value: unknown, path: string, settings: Map<string, Setting>): void {
  if (value === undefined) return;
  const next: Setting = { value, path, isFallback };
  const before = settings.get(setting);
  if (before === undefined || (before.isFallback && !isFallback)) settings.set(setting, next);
  else if (isFallback && !before.isFallback) return;
  else if (!isDeepStrictEqual(before.value, next.value)) throw contradiction(before.path, path);
}
