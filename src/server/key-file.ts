import { VserveError } from '../errors/index.ts';

/** An API key, and what is said about it. */
export interface KeyEntry {
  readonly key: string;
  /** What the log calls it. */
  readonly name: string | undefined;
  /** How many of its requests may run and wait at a time. */
  readonly maxRequests: number | undefined;
  /** It may load and unload models. */
  readonly mayManage: boolean;
}

const KEY = /^[\x21-\x7E]+$/;
const NAME = /^[\w.@-]+$/;
const MAY_MANAGE = 'may-manage';
const LIMIT = /^max-requests=([1-9]\d*)$/;

/**
 * Reads the text of a file of API keys: `key [name] [max-requests=n] [may-manage]` in each line, and comments behind `#`. Throws
 * `invalid_setting` with the number of a line that is wrong, never with what it says; a file without a key is wrong too,
 * since it would let everyone in.
 */
export function parseKeyFile(text: string, path: string): readonly KeyEntry[] {
  const entries: KeyEntry[] = [];
  for (const [index, line] of text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    const words = line
      .replace(/(^|\s)#.*$/, '')
      .split(/\s+/)
      .filter(Boolean);
    if (words.length === 0) continue;
    const wrong = (reason: string): VserveError =>
      new VserveError('invalid_setting', `Line ${String(index + 1)} of the key file ${path}: ${reason}.`);
    const entry = parseEntry(words, wrong);
    if (entries.some(({ key }) => key === entry.key)) throw wrong('this key is there twice');
    if (entry.name !== undefined && entries.some(({ name }) => name === entry.name)) {
      throw wrong('another key has this name');
    }
    entries.push(entry);
  }
  if (entries.length > 0) return entries;
  throw new VserveError('invalid_setting', `The key file ${path} has no key. Write one in each line.`);
}

function parseEntry([key = '', ...rest]: readonly string[], wrong: (reason: string) => VserveError): KeyEntry {
  if (!KEY.test(key)) throw wrong('a key consists of visible ASCII characters');
  let name: string | undefined;
  let maxRequests: number | undefined;
  let mayManage = false;
  for (const word of rest) {
    const limit = LIMIT.exec(word)?.[1];
    if (limit !== undefined && maxRequests === undefined) maxRequests = Number(limit);
    else if (word === MAY_MANAGE && !mayManage) mayManage = true;
    else if (name === undefined && NAME.test(word)) name = word;
    else throw wrong('a key is followed by at most a name, max-requests=n and may-manage');
  }
  return { key, name, maxRequests, mayManage };
}
