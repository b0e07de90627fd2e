import { invalid, show, shownName } from './invalid-request.ts';
import { LongText } from './long-text.ts';
import { bringsMedia } from './misplaced-media.ts';
import type { FindFile } from './uploaded-file.ts';

/** An object of a request's JSON. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Whether the answer is the same with and without this value of an unsupported field. */
export type HasNoEffect = (value: unknown) => boolean;

/** The keys of an object: `read`, or known but unsupported. */
export type KeyTable = Readonly<Record<string, 'read' | HasNoEffect>>;

type ReadKey<T extends KeyTable> = { [K in keyof T]: T[K] extends 'read' ? K : never }[keyof T];

/** The values of the keys that are read. Null counts as absent. */
export type KeysRead<T extends KeyTable> = Readonly<Partial<Record<ReadKey<T>, unknown>>>;

/** How to read a request. */
export interface ReadOptions {
  /** Ignore unknown fields, at any depth. */
  readonly allowExtraFields: boolean;
  /** For the files that it names by their ids; undefined where none are stored. */
  readonly findFile?: FindFile | undefined;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof LongText);
}

/**
 * Reads the keys of an object and refuses all others, so that nothing is dropped. Throws `unsupported_parameter` for a
 * known key that would change the answer, `invalid_request` for an unknown one.
 */
export function readKeys<T extends KeyTable>(
  object: JsonObject,
  path: string,
  table: T,
  options: ReadOptions,
): KeysRead<T> {
  const read: Partial<Record<keyof T, unknown>> = {};
  // `Object.entries` takes twice as long, and a request can have tens of thousands of parts.
  for (const key of Object.keys(object)) {
    const value = object[key];
    if (value === null) continue;
    const rule = Object.hasOwn(table, key) ? table[key] : undefined;
    if (rule === 'read') read[key as keyof T] = value;
    else if (rule === undefined) refuseUnknown(key, `${path}.${shownName(key)}`, value, options);
    else if (!rule(value)) throw unsupported(`${path}.${key}`, value);
  }
  return read;
}

/**
 * Throws `invalid_request` for an unknown field, unless they are ignored, and `unsupported_parameter` for one that seems to
 * bring an image or another medium: those are never ignored.
 */
export function refuseUnknown(key: string, path: string, value: unknown, { allowExtraFields }: ReadOptions): void {
  if (bringsMedia(key, value)) throw unsupported(path, value, 'Send images as image_url parts of a message.');
  if (allowExtraFields) return;
  const advice = 'Leave it out, or start the server with --allow-extra-request-fields.';
  throw invalid(path, `${path} is not a known field. ${advice}`);
}

/** The error for a known field that asks for something unsupported. */
export function unsupported(path: string, value: unknown, advice = 'Leave it out.') {
  const message = `${path}: ${wanted(value)} is not supported by this server. ${advice}`;
  return invalid(path, message, 'unsupported_parameter');
}

/** Names what was asked for: an object by its type, if it has one. */
function wanted(value: unknown): string {
  const type = isJsonObject(value) && Object.hasOwn(value, 'type') ? value['type'] : undefined;
  return typeof type === 'string' && /^\w{1,40}$/.test(type) ? type : show(value);
}
