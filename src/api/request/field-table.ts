import type { HasNoEffect } from './json-object.ts';
import type { Kind, PlainKind, ReaderKind } from './kinds.ts';

/** The name of a field; a dot leads into an object. */
export type FieldName<T> = string | FieldRule<T>;

export interface FieldRule<T> {
  readonly name: string;
  /** Overrides the setting's own kind, for a field that spells its values differently. */
  readonly kind?: Kind<T | undefined>;
  /** Used only if no other field sets the setting. */
  readonly isFallback?: boolean;
}

/** The kind of each setting. */
export type Kinds = Readonly<Record<string, Kind<unknown>>>;

/** The kind of each setting. Some have a value that stands for an absent one: their kind reads it as undefined. */
export type KindsOf<T> = { readonly [K in keyof T]-?: Kind<T[K] | undefined> };

/** The type of a kind's values. */
export type ValueOf<K> = K extends PlainKind<infer T> ? T : K extends ReaderKind<infer T> ? T : never;

/** The fields that set each setting. */
export type NamesOf<K extends Kinds> = { readonly [Setting in keyof K]: readonly FieldName<ValueOf<K[Setting]>>[] };

/** A field of a request: it sets settings, holds more fields, or is known but unsupported. */
export interface Field {
  readonly setters: readonly Setter[];
  /** For an unsupported field: the values it may have nevertheless. */
  readonly hasNoEffect: HasNoEffect | undefined;
  /** The fields of the object it holds. */
  readonly fields: FieldTable;
}

export interface Setter {
  readonly setting: string;
  readonly kind: Kind<unknown>;
  readonly isFallback: boolean;
}

export type FieldTable = ReadonlyMap<string, Field>;

interface GrowingField {
  readonly setters: Setter[];
  hasNoEffect: HasNoEffect | undefined;
  readonly fields: Map<string, GrowingField>;
}

/** Matches every key of an object that is not in the table itself. */
export const ANY_KEY = '*';

/** Builds the table of a wire format from its settings and the fields it knows but does not support. */
export function fieldTable<K extends Kinds>(
  kinds: K,
  names: NamesOf<K>,
  unsupported: Readonly<Record<string, HasNoEffect>>,
): FieldTable {
  const table = new Map<string, GrowingField>();
  for (const [setting, rules] of Object.entries<readonly FieldName<unknown>[]>(names)) {
    for (const rule of rules) {
      const { name, kind = kinds[setting], isFallback = false } = typeof rule === 'string' ? { name: rule } : rule;
      if (kind !== undefined) fieldAt(table, name).setters.push({ setting, kind, isFallback });
    }
  }
  for (const [name, hasNoEffect] of Object.entries(unsupported)) fieldAt(table, name).hasNoEffect = hasNoEffect;
  return table;
}

function fieldAt(table: Map<string, GrowingField>, name: string): GrowingField {
  const [first = '', ...rest] = name.split('.');
  const field = table.get(first) ?? { setters: [], hasNoEffect: undefined, fields: new Map() };
  table.set(first, field);
  return rest.length === 0 ? field : fieldAt(field.fields, rest.join('.'));
}
