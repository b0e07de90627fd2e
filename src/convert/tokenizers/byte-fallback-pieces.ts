import { z } from 'zod';
import { VserveError } from '../../errors/index.ts';
import type { JsonObject } from '../checkpoint/checkpoint-folder.ts';
import { parseConfig } from '../checkpoint/parse-config.ts';
import { pieceTypes } from './sentencepiece-model.ts';
import type { SentencePiece } from './sentencepiece-model.ts';
import { bpeSchema } from './tokenizer-json.ts';

const kindSchema = z.looseObject({
  model: z.looseObject({ type: z.string(), byte_fallback: z.boolean().nullish() }),
  decoder: z.looseObject({ type: z.string() }).nullish(),
});
const unknownSchema = z.looseObject({ model: z.looseObject({ unk_token: z.string().nullish() }) });

export const byteToken = /^<0x[0-9A-Fa-f]{2}>$/;

/**
 * Whether tokenizer.json is a SentencePiece vocabulary in Hugging Face's form: BPE that falls back to bytes and puts a text
 * together in several steps.
 *
 * Throws `checkpoint_invalid`.
 */
export function isByteFallback(tokenizer: JsonObject): boolean {
  const { model, decoder } = parseConfig(kindSchema, tokenizer, 'tokenizer.json');
  return model.type === 'BPE' && model.byte_fallback === true && decoder?.type === 'Sequence';
}

/** llama.cpp merges the pair with the highest score first; Hugging Face's tokenizers merge in the order of `merges`. */
export function mergeScores(tokens: readonly string[], merges: readonly (string | readonly string[])[]): number[] {
  const made = merges.map((merge) => (typeof merge === 'string' ? merge.replace(' ', '') : merge.join('')));
  const ranks = new Map(Array.from(made.entries(), ([rank, token]) => [token, rank] as const).toReversed());
  return tokens.map((token) => 0 - (ranks.get(token) ?? merges.length));
}

/**
 * The pieces of the SentencePiece model from which tokenizer.json was made, by their ids, as far as tokenizing needs them:
 * the order of the merges stands for the scores.
 *
 * Throws `tokenizer_unsupported` for a tokenizer.json of another kind, `checkpoint_invalid`.
 */
export function piecesOfTokenizer(tokenizer: JsonObject): Map<number, SentencePiece> {
  if (!isByteFallback(tokenizer)) {
    const message =
      'tokenizer.json is not a SentencePiece vocabulary (BPE with byte fallback), and this architecture needs one. Copy tokenizer.model or tokenizer.json from the base model.';
    throw new VserveError('tokenizer_unsupported', message);
  }
  const { model } = parseConfig(bpeSchema, tokenizer, 'tokenizer.json');
  const { unk_token: unknown } = parseConfig(unknownSchema, tokenizer, 'tokenizer.json').model;
  const tokens = Object.entries(model.vocab).map(([text, id]) => [pieceText(text, model.vocab), id] as const);
  const scores = mergeScores(
    tokens.map(([text]) => text),
    model.merges,
  );
  return new Map(tokens.map(([text, id], i) => [id, { text, score: scores[i] ?? 0, type: pieceType(text, unknown) }]));
}

/** Hugging Face's converter renames Gemma's byte token of the tab to a tab. */
function pieceText(text: string, vocabulary: Readonly<Record<string, number>>): string {
  return text === '\t' && !Object.hasOwn(vocabulary, tabByte) ? tabByte : text;
}

const tabByte = '<0x09>';

function pieceType(text: string, unknown: string | null | undefined): number {
  if (text === unknown) return pieceTypes.unknown;
  return byteToken.test(text) ? pieceTypes.byte : pieceTypes.normal;
}

/** A normalizer or a pre-tokenizer, or several in a row. */
const step = z.looseObject({ type: z.string(), prepend_scheme: z.string().nullish() });
const steps = step.extend({ normalizers: z.array(step).nullish(), pretokenizers: z.array(step).nullish() }).nullish();
const stepsSchema = z.looseObject({ normalizer: steps, pre_tokenizer: steps });

/** Whether the tokenizer prepends a space to a text. Throws `checkpoint_invalid`. */
export function prependsSpace(tokenizer: JsonObject): boolean {
  const { normalizer, pre_tokenizer: preTokenizer } = parseConfig(stepsSchema, tokenizer, 'tokenizer.json');
  const all = [normalizer, preTokenizer].flatMap((one) => [
    one,
    ...(one?.normalizers ?? []),
    ...(one?.pretokenizers ?? []),
  ]);
  return all.some((one) => one?.type === 'Prepend' || (one?.type === 'Metaspace' && one.prepend_scheme !== 'never'));
}
