import { z } from 'zod';
import { uint32 as uint32Schema } from '../checkpoint/parse-config.ts';

/** The kinds of scaling, including those without GGUF keys. `mrope` is an older name for `default`. */
const ropeType = z.enum(['default', 'mrope', 'dynamic', 'llama3', 'linear', 'yarn', 'longrope', 'proportional']);

/** One kind of rotary embedding in a config.json: its base and how it is scaled to longer contexts. */
export const ropeSchema = z
  .looseObject({
    rope_theta: z.number().positive().optional(),
    rope_type: ropeType.optional(),
    /** The older name of `rope_type`. */
    type: ropeType.optional(),
    factor: z.number().positive().nullish(),
    original_max_position_embeddings: uint32Schema.nullish(),
    extrapolation_factor: z.number().nullish(),
    attention_factor: z.number().nullish(),
    /** An older name of `attention_factor`. */
    attn_factor: z.number().nullish(),
    mscale: z.number().nullish(),
    mscale_all_dim: z.number().nullish(),
    truncate: z.boolean().nullish(),
    /** HunYuan's kind of `dynamic`. */
    alpha: z.number().nullish(),
    beta_fast: z.number().nullish(),
    beta_slow: z.number().nullish(),
    low_freq_factor: z.number().positive().nullish(),
    high_freq_factor: z.number().positive().nullish(),
    partial_rotary_factor: z.number().positive().optional(),
    /** How many of a head's frequencies belong to time, height and width. */
    mrope_section: z.array(z.int().min(0)).max(4).nullish(),
  })
  .refine(
    (rope) => (rope.rope_type ?? rope.type) !== 'yarn' || typeof rope.original_max_position_embeddings === 'number',
    {
      path: ['original_max_position_embeddings'],
      error: 'YaRN needs it',
    },
  );

export type Rope = z.output<typeof ropeSchema>;
