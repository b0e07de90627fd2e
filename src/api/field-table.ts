import type { AsksForNothing } from './json-object.ts';
import type { Kind } from './kinds.ts';

/** A setting's name in a request's JSON; a dot leads into an object. */
export type FieldName<T> = string | FieldRule<T>;

export interface FieldRule<T> {
  readonly name: string;
  /** In place of the setting's own kind, where this field says it in another way. */
  readonly kind?: Kind<T | undefined>;
  /** Counts only where no other field says something. */
  readonly isFallback?: boolean;
}

/** The settings' kinds, by name. */
export type Kinds = Readonly<Record<string, Kind<unknown>>>;

/** The value of a kind. */
export type ValueOf<K> = K extends Kind<infer T> ? T : never;

/** The fields that set each setting: every one has some. */
export type NamesOf<K extends Kinds> = { readonly [Setting in keyof K]: readonly FieldName<ValueOf<K[Setting]>>[] };

/** What a field of a request does. */
export interface Field {
  readonly takers: readonly Taker[];
  /** Of a field that is known but not taken. */
  readonly asksForNothing: AsksForNothing | undefined;
  /** The fields of an object. */
  readonly fields: FieldTable;
}

export interface Taker {
  readonly setting: string;
  readonly kind: Kind<unknown>;
  readonly isFallback: boolean;
}

export type FieldTable = ReadonlyMap<string, Field>;

interface GrowingField {
  readonly takers: Taker[];
  asksForNothing: AsksForNothing | undefined;
  readonly fields: Map<string, GrowingField>;
}

/** Stands for the keys of an object that have no row of their own. */
export const ANY_KEY = '*';

/** Makes one table of a format's settings and of its fields that are known but not taken. */
export function fieldTable<K extends Kinds>(
  kinds: K,
  names: NamesOf<K>,
  notTaken: Readonly<Record<string, AsksForNothing>>,
): FieldTable {
  const table = new Map<string, GrowingField>();
  for (const [setting, rules] of Object.entries<readonly FieldName<unknown>[]>(names)) {
    for (const rule of rules) {
      const { name, kind = kinds[setting], isFallback = false } = typeof rule === 'string' ? { name: rule } : rule;
      if (kind !== undefined) fieldAt(table, name).takers.push({ setting, kind, isFallback });
    }
  }
  for (const [name, asksForNothing] of Object.entries(notTaken)) fieldAt(table, name).asksForNothing = asksForNothing;
  return table;
}

function fieldAt(table: Map<string, GrowingField>, name: string): GrowingField {
  const [first = '', ...rest] = name.split('.');
  const field = table.get(first) ?? { takers: [], asksForNothing: undefined, fields: new Map() };
  table.set(first, field);
  return rest.length === 0 ? field : fieldAt(field.fields, rest.join('.'));
}
