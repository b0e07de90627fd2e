import type { JsonValue } from './template-settings.ts';

/**
 * How closely to look at a picture. `low`: at an overview. `high`: as closely as the model's processor does at most by
 * itself. `auto`: as closely as is needed to keep the picture's pixels. `original`: the same, without enlarging it.
 */
export type ImageDetail = 'low' | 'high' | 'auto' | 'original';

/** What a request asks for one image, of what the model's image processor leaves to its caller. */
export interface ImageBudget {
  readonly detail?: ImageDetail;
  /** Pixels that the model should see the image in, at least and at most. */
  readonly minPixels?: number;
  readonly maxPixels?: number;
  /** Path of the object that has them in the client's request, for errors. */
  readonly param?: string;
}

/** Settings of the model's image processor, by the names that it has for them: `max_soft_tokens`. */
export type ImageProcessorSettings = Readonly<Record<string, JsonValue>>;
