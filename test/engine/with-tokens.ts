import type { SyntheticCheckpoint } from '../reference/write-checkpoint.ts';

interface Tokenizer {
  readonly added_tokens: { readonly id: number; readonly content: string; readonly special: boolean }[];
  readonly model: { readonly vocab: Record<string, number> };
}

const isAlone = { lstrip: false, normalized: false, rstrip: false, single_word: false };

/**
 * A checkpoint whose vocabulary has more special tokens, and others that stand for themselves but are shown, and their ids:
 * the lowest that were free.
 */
export function withTokens(
  checkpoint: SyntheticCheckpoint,
  special: readonly string[],
  shown: readonly string[] = [],
): { readonly checkpoint: SyntheticCheckpoint; readonly ids: ReadonlyMap<string, number> } {
  const file = checkpoint.files['tokenizer.json'];
  const tokenizer = structuredClone(
    typeof file === 'string' || Buffer.isBuffer(file) ? JSON.parse(file.toString()) : file,
  ) as Tokenizer;
  const taken = new Set([...Object.values(tokenizer.model.vocab), ...tokenizer.added_tokens.map(({ id }) => id)]);
  const ids = new Map(tokenizer.added_tokens.map(({ content, id }) => [content, id]));
  let id = 0;
  for (const content of [...special, ...shown].filter((content) => !ids.has(content))) {
    while (taken.has(id)) id++;
    taken.add(id);
    ids.set(content, id);
    tokenizer.model.vocab[content] = id;
    tokenizer.added_tokens.push({ ...isAlone, id, content, special: !shown.includes(content) });
  }
  return { checkpoint: { ...checkpoint, files: { ...checkpoint.files, 'tokenizer.json': tokenizer } }, ids };
}
