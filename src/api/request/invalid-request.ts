import type { ErrorCode } from '../../errors/index.ts';
import { VserveError } from '../../errors/index.ts';
import { LongText } from './long-text.ts';

const MAX_SHOWN = 60;

/** Formats a value of a request for an error message. It never descends, since values can be nested without limit. */
export function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value instanceof LongText) return 'a very long string';
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object';
  if (typeof value !== 'string') return typeof value === 'number' ? String(value) : JSON.stringify(value);
  return value.length > MAX_SHOWN ? `${JSON.stringify(value.slice(0, MAX_SHOWN))}…` : JSON.stringify(value);
}

/** Shortens a field's name for an error message: clients can send names of any length. */
export function shownName(name: string): string {
  return name.length > MAX_SHOWN ? `${name.slice(0, MAX_SHOWN)}…` : name;
}

/** The error for a field of a request. `param` is its path in OpenAI's notation. */
export function invalid(param: string, message: string, code: ErrorCode = 'invalid_request'): VserveError {
  return new VserveError(code, message, { param });
}

/** The error for two fields that contradict each other. */
export function contradiction(path: string, other: string) {
  return invalid(path, `${path} and ${other} contradict each other. Send only one of them.`);
}
