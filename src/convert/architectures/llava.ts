import { z } from 'zod';
import { parseConfig } from '../checkpoint/parse-config.ts';
import type { Declare } from './architecture.ts';
import { declareText as declareGranite } from './granite.ts';
import { declareLlama } from './llama.ts';
import { declareTower } from './llava-vision.ts';
import { declareVision as declarePixtral } from './pixtral-vision.ts';
import { declareQwen2 } from './qwen.ts';

/** The text models that LLaVA was made of, by `model_type`. */
const textModels = {
  granite: declareGranite,
  llama: declareLlama,
  mistral: declareLlama,
  qwen2: declareQwen2,
} as const;
const textModel = z.enum(['granite', 'llama', 'mistral', 'qwen2'], {
  error: 'only Granite, Llama, Mistral and Qwen 2 can be converted',
});

const textSchema = z.looseObject({ model_type: z.string().optional() });

/**
 * Declares the text model of a LLaVA whose configuration does not name its architecture, by its `model_type`: Llama where
 * that is left out.
 *
 * Throws `checkpoint_invalid`.
 */
export const declareText: Declare = async (checkpoint) => {
  const { text_config: text } = parseConfig(
    z.looseObject({ text_config: textSchema.optional() }),
    checkpoint.config,
    'config.json',
  );
  const kind = parseConfig(textModel, text?.model_type ?? 'llama', 'config.json: text_config.model_type');
  return textModels[kind](checkpoint);
};

/** Declares the vision encoder of a LLaVA and its projector: Pixtral's, CLIP or SigLIP. Throws `checkpoint_invalid`. */
export const declareVision: Declare = async (checkpoint) => {
  const schema = z.looseObject({ vision_config: z.looseObject({ model_type: z.string().optional() }).optional() });
  const { vision_config: vision } = parseConfig(schema, checkpoint.config, 'config.json');
  return vision?.model_type === 'pixtral' ? declarePixtral(checkpoint) : declareTower(checkpoint);
};
