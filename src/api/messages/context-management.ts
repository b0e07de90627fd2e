import { z } from 'zod';
import { invalid, show } from '../request/invalid-request.ts';
import type { KeyTable, ReadOptions } from '../request/json-object.ts';
import { isJsonObject, readKeys, unsupported } from '../request/json-object.ts';
import { integerFrom, readKind } from '../request/kinds.ts';
import type { ReaderKind } from '../request/kinds.ts';

export const EDIT_KEYS = { type: 'read', keep: 'read' } as const satisfies KeyTable;
export const KEEP_KEYS = { type: 'read', value: 'read' } as const satisfies KeyTable;

const CLEAR_THINKING = 'clear_thinking_20251015';
const DEFAULT_TURNS = 1;
const TURNS = integerFrom(1);

/**
 * Anthropic's `context_management.edits`, of which there is one here: to forget the thinking of all turns but the last
 * ones. Undefined keeps that of all.
 */
export const KEPT_THINKING: ReaderKind<number | undefined> = {
  shape: z.array(
    z.object({
      type: z.literal(CLEAR_THINKING),
      keep: z
        .union([
          z.literal('all'),
          z.object({ type: z.literal('all') }),
          z.object({ type: z.literal('thinking_turns'), value: z.int().min(1) }),
        ])
        .nullish(),
    }),
  ),
  read(value, path, options) {
    if (!Array.isArray(value)) throw invalid(path, `${path} must be an array of edits, not ${show(value)}.`);
    const kept = value.map((edit: unknown, index) => readEdit(edit, `${path}[${String(index)}]`, options));
    const least = Math.min(...kept);
    return Number.isFinite(least) ? least : undefined;
  },
};

/** How many turns an edit keeps. */
function readEdit(edit: unknown, path: string, options: ReadOptions): number {
  if (!isJsonObject(edit)) throw invalid(path, `${path} must be an object with a type, not ${show(edit)}.`);
  if (edit['type'] !== CLEAR_THINKING) throw unsupported(`${path}.type`, edit['type'], `It must be ${CLEAR_THINKING}.`);
  const { keep = { type: 'thinking_turns', value: DEFAULT_TURNS } } = readKeys(edit, path, EDIT_KEYS, options);
  if (keep === 'all') return Infinity;
  const place = `${path}.keep`;
  if (!isJsonObject(keep)) throw invalid(place, `${place} must be "all" or an object with a type, not ${show(keep)}.`);
  const { type, value } = readKeys(keep, place, KEEP_KEYS, options);
  if (type === 'all') return Infinity;
  if (type !== 'thinking_turns') throw unsupported(`${place}.type`, type, 'It must be all or thinking_turns.');
  return readKind(TURNS, value, `${place}.value`, options);
}
