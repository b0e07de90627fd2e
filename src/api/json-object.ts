import { invalid, show, shownName } from './invalid-request.ts';
import { LongText } from './long-text.ts';

/** An object of a request's JSON. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Whether a value that is not taken asks for nothing, so that the answer is the same without it. */
export type AsksForNothing = (value: unknown) => boolean;

/** The keys of an object: those that are read, and those that are known but not taken. */
export type KeyTable = Readonly<Record<string, 'read' | AsksForNothing>>;

type ReadKey<T extends KeyTable> = { [K in keyof T]: T[K] extends 'read' ? K : never }[keyof T];

/** The values of the keys that are read; null counts as left out. */
export type KeysRead<T extends KeyTable> = Readonly<Partial<Record<ReadKey<T>, unknown>>>;

/** How strictly a request is read. */
export interface ReadOptions {
  /** Ignore fields of unknown names, wherever they stand. */
  readonly allowExtraFields: boolean;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof LongText);
}

/** The entries of an object; null counts as left out. */
export function entriesOf(object: JsonObject): [string, unknown][] {
  return Object.entries(object).filter(([, value]) => value !== null);
}

/**
 * Reads an object whose keys are known, so that nothing in it is lost. Throws `unsupported_parameter` for a known key
 * that asks for something, `invalid_request` for an unknown one.
 */
export function readKeys<T extends KeyTable>(
  object: JsonObject,
  path: string,
  table: T,
  options: ReadOptions,
): KeysRead<T> {
  const read: Partial<Record<keyof T, unknown>> = {};
  for (const [key, value] of entriesOf(object)) {
    const rule = Object.hasOwn(table, key) ? table[key] : undefined;
    if (rule === 'read') read[key as keyof T] = value;
    else if (rule === undefined) refuseUnknown(`${path}.${shownName(key)}`, options);
    else if (!rule(value)) throw unsupported(`${path}.${key}`, value);
  }
  return read;
}

/** Throws `invalid_request` for a field of an unknown name, unless those are ignored. */
export function refuseUnknown(path: string, { allowExtraFields }: ReadOptions): void {
  if (allowExtraFields) return;
  const advice = 'Leave it out, or start the server with --allow-extra-request-fields.';
  throw invalid(path, `${path} is not a field that this server knows. ${advice}`);
}

/** The error of a known field that asks for something this server cannot do. */
export function unsupported(path: string, value: unknown, advice = 'Leave it out.') {
  const message = `${path}: ${wanted(value)} is not supported by this server. ${advice}`;
  return invalid(path, message, 'unsupported_parameter');
}

/** What is wanted, in a word: of objects their type, where they have one. */
function wanted(value: unknown): string {
  const type = isJsonObject(value) && Object.hasOwn(value, 'type') ? value['type'] : undefined;
  return typeof type === 'string' && /^\w{1,40}$/.test(type) ? type : show(value);
}
