/** What stands round an image in the prompt, beyond the boundary tokens that mtmd writes itself. */
export interface ImagePlacement {
  readonly before: string;
  readonly after: string;
}

/**
 * By projector type (the mmproj's `clip.projector_type`): what the model's own Hugging Face processor writes, and
 * llama.cpp alone would leave out. The model was trained on it.
 */
const placements: Readonly<Record<string, ImagePlacement>> = {
  gemma3: { before: '\n\n', after: '\n\n' },
  // From the chat template of the models that transformers has a class for; the others' own code writes the same.
  internvl: { before: '', after: '\n' },
};

/** The placement for a projector type; nothing where the processor adds nothing. */
export function placementFor(projectorType: string): ImagePlacement {
  return placements[projectorType] ?? { before: '', after: '' };
}
