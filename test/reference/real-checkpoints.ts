import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fixture } from './checkpoints.ts';

/** A checkpoint as it is published, without its weights and its tokenizer. `describe-real.py` writes them down. */
export interface RealCheckpoint {
  /** The public repository whose files were read. */
  readonly source: string;
  readonly files: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** What its index says of the bytes of all tensors; null or 0 where it says nothing. */
  readonly totalBytes: number | null;
  /** The names of its tensors, `{first-last}` for numbers that count up. */
  readonly tensors: readonly string[];
}

/** The real checkpoints by their names. */
export function realCheckpoints(): Readonly<Record<string, RealCheckpoint>> {
  const folder = fixture('real-checkpoints');
  return Object.fromEntries(
    readdirSync(folder).map((file) => [
      basename(file, '.json'),
      JSON.parse(readFileSync(join(folder, file), 'utf8')) as RealCheckpoint,
    ]),
  );
}

/** The names that a pattern stands for. */
export function expanded(pattern: string): string[] {
  const range = /\{(?<first>\d+)-(?<last>\d+)\}/.exec(pattern)?.groups;
  if (range === undefined) return [pattern];
  const { first = '', last = '' } = range;
  const numbers = Array.from({ length: Number(last) - Number(first) + 1 }, (_, i) => Number(first) + i);
  return numbers.flatMap((number) => expanded(pattern.replace(`{${first}-${last}}`, String(number))));
}
