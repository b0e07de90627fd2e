/** How a model's chat template and Hugging Face processor write an image. */
export interface ImagePlacement {
  /** Written by the template, replaced with the image by the processor. */
  readonly slot: string;
  /**
   * What the processor writes before and after the image, apart from tiles and their marks. `{number}` stands for the
   * zero-based number of the image in the conversation.
   */
  readonly before: string;
  readonly after: string;
  /** Everything the model's own template writes for an image, including the slot: for templates without image support. */
  readonly written: string;
  /** Control tokens that are part of the language: users may write them, and answers show them. */
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

// There is no template; every prompt these models were trained on has the line break.
// The tokens ask for and report locations in an image, and write tables.
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
 * By projector type (the mmproj's `clip.projector_type`), taken from the processors in transformers and the templates on
 * the Hub, which match the models' training.
 */
const placements: Readonly<Record<string, ImagePlacement>> = {
  deepseekocr: deepseekOcr,
  deepseekocr2: deepseekOcr,
  gemma3: placement('<start_of_image>', '\n\n<start_of_image>', '<end_of_image>\n\n'),
  // The encoder also produces the token that ends an image.
  gemma3nv: placement('<image_soft_token>', '\n\n<start_of_image>', '\n\n'),
  gemma4v: gemma4,
  gemma4uv: gemma4,
  glm4v: placement('<|image|>', '', '', '<|begin_of_image|><|image|><|end_of_image|>'),
  granite4_vision: placement('<image>', '', '', '<image>\n'),
  idefics3: placement('<image>', '', ''),
  // The line break comes from the template of models with a class in transformers; the others' own code writes it.
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

/** The placement for a projector type; undefined if llama.cpp's own is used. */
export function placementFor(projectorType: string): ImagePlacement | undefined {
  return placements[projectorType];
}
