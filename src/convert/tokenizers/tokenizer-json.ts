import { z } from 'zod';

const addedToken = {
  content: z.string(),
  special: z
    .boolean()
    .nullish()
    .transform((special) => special === true),
  normalized: z
    .boolean()
    .nullish()
    .transform((normalized) => normalized === true),
};

/** The tokens that tokenizer.json adds to its model's vocabulary. */
export const addedTokensSchema = z.looseObject({
  added_tokens: z.array(z.object({ id: z.int().min(0), ...addedToken })).default([]),
});

/** The added tokens of tokenizer_config.json, by id. */
export const decoderSchema = z.looseObject({
  added_tokens_decoder: z.record(z.string().regex(/^\d+$/), z.object(addedToken)).default({}),
});

/** A token by its text, or an object that holds it. */
export const tokenSchema = z.union([
  z.string(),
  z.looseObject({ content: z.string() }).transform(({ content }) => content),
]);

/** The special tokens that tokenizer_config.json names. */
export const namedTokensSchema = z.object({
  bos_token: tokenSchema.nullish(),
  eos_token: tokenSchema.nullish(),
  unk_token: tokenSchema.nullish(),
  sep_token: tokenSchema.nullish(),
  pad_token: tokenSchema.nullish(),
  cls_token: tokenSchema.nullish(),
  mask_token: tokenSchema.nullish(),
  additional_special_tokens: z.array(tokenSchema).nullish(),
});

/** tokenizer.json of a BPE tokenizer. A merge is two tokens: one string with a space between them, or a pair. */
export const bpeSchema = z.looseObject({
  model: z.looseObject({
    type: z.literal('BPE', { error: 'only BPE tokenizers can be converted' }),
    vocab: z.record(z.string(), z.int().min(0)),
    merges: z.array(z.union([z.string(), z.array(z.string()).length(2)])),
  }),
});

const piece = z.looseObject({
  SpecialToken: z.looseObject({ id: z.string() }).optional(),
  Sequence: z.looseObject({ id: z.string() }).optional(),
});

export type TemplatePiece = z.output<typeof piece>;

const processor = z.looseObject({
  type: z.string().optional(),
  single: z.array(piece).default([]),
  pair: z.array(piece).default([]),
});

/** The post-processors of tokenizer.json, of which only templates matter here. */
export const postProcessorSchema = z.looseObject({
  post_processor: z
    .union([z.looseObject({ processors: z.array(processor) }), processor.transform((one) => ({ processors: [one] }))])
    .nullish(),
});
