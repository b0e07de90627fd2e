import type { ErrorCode } from '../errors/index.ts';
import { VserveError } from '../errors/index.ts';

const longestShown = 60;

/** A request value as an error message shows it: JSON, shortened. */
export function show(value: unknown): string {
  const json = JSON.stringify(value) ?? String(value);
  return json.length > longestShown ? `${json.slice(0, longestShown)}…` : json;
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
