/** How a model's chat template and Hugging Face processor write an image. */
export interface ImagePlacement {
  /** What the template writes and the processor replaces by the image. */
  readonly slot: string;
  /**
   * What the processor writes before and after the image then, tiles and their marks left out. `{number}` stands for the
   * number of the image in the conversation, from 0.
   */
  readonly before: string;
  readonly after: string;
  /** All that the model's own template writes for an image, the slot in it: for a template that knows no images. */
  readonly written: string;
  /** Control tokens that are part of what is said: users may write them, and answers show them. */
  readonly spoken: readonly string[];
}

function placement(
  slot: string,
  before: string,
  after: string,
  written = slot,
  spoken: readonly string[] = [],
): ImagePlacement {
  return { slot, before, after, written, spoken };
}

// No template: the line break stands in all prompts that the models were trained on.
// The tokens ask for places in a picture and tell them, as boxes and as tables.
const deepseekOcr = placement(
  '<image>',
  '',
  '',
  '<image>\n',
  '<|grounding|> <|ref|> <|/ref|> <|det|> <|/det|> <td> </td> <tr> </tr>'.split(' '),
);
const gemma4 = placement('<|image|>', '<|image>', '<image|>');
const qwenVl = placement('<|image_pad|>', '', '', '<|vision_start|><|image_pad|><|vision_end|>');

/**
 * By projector type (the mmproj's `clip.projector_type`), from the processors in transformers and the templates of the
 * models on the Hub. The models were trained on just that.
 */
const placements: Readonly<Record<string, ImagePlacement>> = {
  deepseekocr: deepseekOcr,
  deepseekocr2: deepseekOcr,
  gemma3: placement('<start_of_image>', '\n\n<start_of_image>', '<end_of_image>\n\n'),
  // The encoder gives the token that ends an image, too.
  gemma3nv: placement('<image_soft_token>', '\n\n<start_of_image>', '\n\n'),
  gemma4v: gemma4,
  gemma4uv: gemma4,
  glm4v: placement('<|image|>', '', '', '<|begin_of_image|><|image|><|end_of_image|>'),
  granite4_vision: placement('<image>', '', '', '<image>\n'),
  idefics3: placement('<image>', '', ''),
  // The line break is the template's, of the models that transformers has a class for; the others' own code writes it.
  internvl: placement('<IMG_CONTEXT>', '<img>', '</img>', '<IMG_CONTEXT>\n'),
  kimivl: placement('<|media_pad|>', '', '', '<|media_start|>image<|media_content|><|media_pad|><|media_end|>'),
  lfm2: placement('<image>', '<|image_start|>', '<|image_end|>'),
  llama4: placement('<|image|>', '<|image_start|>', '<|image_end|>'),
  mlp: placement('<image>', '', '', '<image>\n'),
  minicpmv4_6: placement('<|image_pad|>', '<image_id>{number}</image_id>', ''),
  paddleocr: placement('<|IMAGE_PLACEHOLDER|>', '', '', '<|IMAGE_START|><|IMAGE_PLACEHOLDER|><|IMAGE_END|>'),
  pixtral: placement('[IMG]', '', '[IMG_END]'),
  qwen2vl_merger: qwenVl,
  'qwen2.5vl_merger': qwenVl,
  qwen3vl_merger: qwenVl,
};

/** The placement for a projector type; undefined where llama.cpp places the image as it sees fit. */
export function placementFor(projectorType: string): ImagePlacement | undefined {
  return placements[projectorType];
}
