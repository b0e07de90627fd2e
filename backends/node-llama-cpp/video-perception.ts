import type { VideoPerception } from '../../src/backend/index.ts';

/** By projector type, as the processors and models in transformers have it. What is not here sees frame by frame. */
const perceptions: Readonly<Record<string, VideoPerception>> = {
  glm4v: {
    framesPerImage: 2,
    times: 'seconds',
    marks: { before: '<|begin_of_video|>', after: '<|end_of_video|>' },
  },
  qwen2vl_merger: { framesPerImage: 2, times: 'positions' },
  // `tokens_per_second` of all published checkpoints.
  'qwen2.5vl_merger': { framesPerImage: 2, times: 'positions', positionsPerSecond: 2 },
  qwen3vl_merger: { framesPerImage: 2, times: 'words' },
};

/** How a model with this projector (`clip.projector_type`) sees videos; undefined: frame by frame. */
export function videoPerceptionOf(projectorType: string): VideoPerception | undefined {
  return perceptions[projectorType];
}
