import type { ErrorCode } from '../errors/index.ts';
import { VserveError } from '../errors/index.ts';
import { LongText } from './long-text.ts';

const longestShown = 60;

/** A request value as an error message shows it, shortened. It never descends: a value can be nested without limit. */
export function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value instanceof LongText) return 'a very long text';
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  if (typeof value !== 'string') return typeof value === 'number' ? String(value) : JSON.stringify(value);
  return value.length > longestShown ? `${JSON.stringify(value.slice(0, longestShown))}…` : JSON.stringify(value);
}

/** A field's name as an error names it: a client can send one of any length. */
export function shownName(name: string): string {
  return name.length > longestShown ? `${name.slice(0, longestShown)}…` : name;
}

/** The error of a request field. `param` is its path in OpenAI's notation. */
export function invalid(param: string, message: string, code: ErrorCode = 'invalid_request'): VserveError {
  return new VserveError(code, message, { param });
}

/** A path of zod's in OpenAI's notation: `messages[2].content[1].text`. */
export function paramOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>((param, key) => {
    if (typeof key === 'number') return `${param}[${String(key)}]`;
    return param === '' ? String(key) : `${param}.${String(key)}`;
  }, '');
}
