import { z } from 'zod';

/** The tokens that tokenizer.json adds to its model's vocabulary. */
export const addedTokensSchema = z.looseObject({
  added_tokens: z.array(z.looseObject({ id: z.int().min(0), content: z.string() })).default([]),
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
