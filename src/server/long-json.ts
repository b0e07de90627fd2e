import { randomUUID } from 'node:crypto';
import { LongText } from '../api/index.ts';

/**
 * The JSON of a value in pieces, in UTF-8. Long texts come piece by piece: a picture of a hundred megabytes is never one
 * string.
 */
export function* longJson(value: unknown): Generator<Uint8Array, void, undefined> {
  const texts: LongText[] = [];
  // Nobody can have put it into a value before.
  const mark = randomUUID();
  const [head = '', ...others] = JSON.stringify(withMarks(value, mark, texts)).split(mark);
  yield Buffer.from(head);
  for (const [index, between] of others.entries()) {
    yield* escapedPieces(texts[index]);
    yield Buffer.from(between);
  }
}

/** The value with a mark in place of each long text, in the order in which JSON has them. */
function withMarks(value: unknown, mark: string, texts: LongText[]): unknown {
  if (value instanceof LongText) {
    texts.push(value);
    return mark;
  }
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => withMarks(item, mark, texts));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withMarks(item, mark, texts)]));
}

function* escapedPieces(text: LongText | undefined): Generator<Uint8Array, void, undefined> {
  for (const piece of text?.pieces ?? []) {
    yield Buffer.from(JSON.stringify(new TextDecoder('utf-8', { ignoreBOM: true }).decode(piece)).slice(1, -1));
  }
}
