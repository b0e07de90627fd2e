import type { ErrorCode } from '../errors/index.ts';
import { VserveError } from '../errors/index.ts';
import { LongText } from './long-text.ts';

const MAX_SHOWN = 60;

/** A request value as an error message shows it, shortened. It never descends: a value can be nested without limit. */
export function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value instanceof LongText) return 'a very long text';
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  if (typeof value !== 'string') return typeof value === 'number' ? String(value) : JSON.stringify(value);
  return value.length > MAX_SHOWN ? `${JSON.stringify(value.slice(0, MAX_SHOWN))}…` : JSON.stringify(value);
}

/** A field's name as an error names it: a client can send one of any length. */
export function shownName(name: string): string {
  return name.length > MAX_SHOWN ? `${name.slice(0, MAX_SHOWN)}…` : name;
}

/** The error of a request field. `param` is its path in OpenAI's notation. */
export function invalid(param: string, message: string, code: ErrorCode = 'invalid_request'): VserveError {
  return new VserveError(code, message, { param });
}
