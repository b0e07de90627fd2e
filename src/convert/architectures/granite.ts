import { z } from 'zod';
import { float32, int32Array } from '../gguf/key-values.ts';
import type { Declare } from './architecture.ts';
import { decoderSchema, readDecoderConfig } from './decoder-config.ts';
import { feedForwardTensors } from './decoder-tensors.ts';
import { readProjectors } from './granite4-projectors.ts';
import type { Projector } from './granite4-projectors.ts';
import { declareDecoder, llamaDefaults } from './llama.ts';

const multiplier = z.number().default(1);

/** transformers' GraniteConfig: Llama's, and what it multiplies by. */
const graniteSchema = decoderSchema(llamaDefaults).extend({
  attention_multiplier: multiplier,
  embedding_multiplier: multiplier,
  residual_multiplier: multiplier,
  /** llama.cpp divides by it. */
  logits_scaling: z.number().positive().default(1),
});

/** Declares Granite and the text models of Granite Vision 3 and 4. Throws `checkpoint_invalid`. */
export const declareText: Declare = async (checkpoint) => {
  const read = readDecoderConfig(graniteSchema, checkpoint.config);
  const config = { ...read, head_dim: null }; // its heads always share the width
  const { hidden_size: width, intermediate_size: inner } = config;
  const scales = {
    'attention.scale': config.attention_multiplier,
    embedding_scale: config.embedding_multiplier,
    residual_scale: config.residual_multiplier,
    logit_scale: config.logits_scaling,
  };
  return declareDecoder(
    checkpoint,
    'granite',
    {
      config,
      writeFurther: (keyValues) => {
        for (const [key, scale] of Object.entries(scales)) {
          if (scale !== 0) keyValues.set(`granite.${key}`, float32(scale));
        }
        if ('deepstack_layer_map' in checkpoint.config) {
          const layers = deepstackLayers(readProjectors(checkpoint.config), config.num_hidden_layers);
          keyValues.set('granite.deepstack_mapping', int32Array(layers));
        }
      },
    },
    (source, target) => feedForwardTensors(`${source}.mlp`, `${target}.ffn`, width, inner),
  );
};

/** For each layer, the number of the projector whose output is added before it; the first one's is the input already. */
function deepstackLayers(projectors: readonly Projector[], layers: number): number[] {
  const mapping = Array.from({ length: layers }, () => -1);
  for (const [i, { textLayer }] of projectors.entries()) if (i > 0) mapping[textLayer] = i;
  return mapping;
}
