import type { Bitmap, ImageBudget, ImageProcessorSettings } from '../../../src/backend/index.ts';
import { VserveError } from '../../../src/errors/index.ts';
import type { ImageFamily } from './image-family.ts';
import { familyOf } from './families.ts';
import type { ImageGeometry } from './geometry.ts';
import type { PictureSize, PixelLimits, ProcessorChanges } from './processor-changes.ts';

/** The name of a request's field for `ImageProcessorSettings`, in errors. */
const SETTINGS_FIELD = 'mm_processor_kwargs';

/** Tokens that a picture has, at least and at most, where the server bounds them. */
export interface TokenLimits {
  readonly imageMinTokens?: number | undefined;
  readonly imageMaxTokens?: number | undefined;
}

/** What a picture is prepared with. */
export interface PreparedImage {
  /** Undefined: with what the server has for all. */
  readonly settings?: ProcessorChanges;
  /** Of the picture so prepared: equal ids mean equal inputs of the encoder. */
  readonly id: string;
}

type AskedImage = Pick<Bitmap, 'id' | 'width' | 'height'>;

/** Works out what a model's image processor is to be told of a picture, from what a request and the server ask for. */
export class ImageBudgets {
  readonly #family: ImageFamily | undefined;
  /** What all pictures are prepared with, in place of the processor's own settings. */
  readonly defaults: ProcessorChanges;
  /** What may be asked for at most. */
  readonly largest: ProcessorChanges;
  /** The most tokens of one input of the encoder, once the model is loaded. */
  mostTokens = Infinity;
  readonly #maxTiles: number;

  /** Throws `invalid_setting` for limits that the model's pictures cannot have. */
  constructor(geometry: ImageGeometry | undefined, limits: TokenLimits) {
    this.#family = geometry && familyOf(geometry);
    this.defaults = geometry === undefined ? {} : defaultsOf(this.#family, limits);
    this.#maxTiles = limits.imageMaxTokens === undefined ? Infinity : (this.defaults.maxTiles ?? Infinity);
    this.largest = limits.imageMaxTokens === undefined ? (this.#family?.largest ?? {}) : this.defaults;
  }

  /** Throws `invalid_request` for a setting that the model's processor does not have, or a value that it does not take. */
  of(image: AskedImage, budget: ImageBudget | undefined, processor: ImageProcessorSettings | undefined): PreparedImage {
    if (budget === undefined && processor === undefined) return { id: image.id };
    const changes = {
      ...this.#ofDetail(image, budget),
      ...this.#ofSettings(processor),
      ...this.#ofPixels(image, budget),
    };
    const asked = Object.entries(changes)
      .filter(([name, value]) => this.defaults[name as keyof ProcessorChanges] !== value)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    if (asked.length === 0) return { id: image.id };
    const settings = Object.fromEntries(asked) as ProcessorChanges;
    this.#checkTiles(settings);
    return { settings, id: `${image.id} ${JSON.stringify(settings)}` };
  }

  #ofDetail(image: PictureSize, { detail }: ImageBudget = {}): ProcessorChanges {
    if (detail === undefined) return {};
    const changes = this.#family?.detail(detail, image, this.mostTokens) ?? {};
    return changes.maxTiles !== undefined && changes.maxTiles > this.#maxTiles ? {} : changes;
  }

  #ofSettings(processor: ImageProcessorSettings = {}): ProcessorChanges {
    const known = this.#family?.settings ?? {};
    let changes: ProcessorChanges = {};
    for (const [name, value] of Object.entries(processor)) {
      if (value === null) continue;
      const path = `${SETTINGS_FIELD}.${name}`;
      const read = Object.hasOwn(known, name) ? known[name] : undefined;
      if (read === undefined) throw noSetting(path, Object.keys(known));
      changes = together(changes, read(value, path), name);
      this.#checkNeeded(name, path, processor);
    }
    return changes;
  }

  #checkNeeded(name: string, path: string, processor: ImageProcessorSettings): void {
    const needed = this.#family?.needed;
    if (needed === undefined || name === needed || (processor[needed] ?? null) !== null) return;
    const message = `${path} has no effect without ${needed}: send that, too.`;
    throw new VserveError('invalid_request', message, { param: path });
  }

  #ofPixels(image: PictureSize, { minPixels: min, maxPixels: max, param = '' }: ImageBudget = {}): ProcessorChanges {
    if (min === undefined && max === undefined) return {};
    const limits: PixelLimits = { min, max };
    if (this.#family?.bound !== undefined) return this.#family.bound(limits, image);
    const fixed = this.#family?.fixedPixels;
    if (fixed !== undefined && fixed >= (min ?? 0) && fixed <= (max ?? Infinity)) return {};
    const size = fixed === undefined ? 'with a processor of its own' : `always at ${String(fixed)} pixels`;
    const field = `${param}.${max === undefined ? 'min_pixels' : 'max_pixels'}`;
    const message = `${field} is not possible with this model: it sees pictures ${size}. Leave it out.`;
    throw new VserveError('invalid_request', message, { param: field });
  }

  #checkTiles({ maxTiles = 0 }: ProcessorChanges): void {
    if (maxTiles <= this.#maxTiles) return;
    const message = `${SETTINGS_FIELD} asks for up to ${String(maxTiles)} tiles of a picture, but this server takes at most ${String(this.#maxTiles)} (--image-max-tokens).`;
    throw new VserveError('invalid_request', message, { param: SETTINGS_FIELD });
  }
}

function defaultsOf(family: ImageFamily | undefined, limits: TokenLimits): ProcessorChanges {
  const { imageMinTokens: min, imageMaxTokens: max } = limits;
  if (min === undefined && max === undefined) return {};
  const option = max === undefined ? '--image-min-tokens' : '--image-max-tokens';
  if (min !== undefined && max !== undefined && min > max) {
    throw new VserveError(
      'invalid_setting',
      `--image-min-tokens ${String(min)} is more than --image-max-tokens ${String(max)}.`,
    );
  }
  const refusal = (reason: string): VserveError =>
    new VserveError('invalid_setting', `${option} ${String(max ?? min)} is not possible: ${reason}. Leave it out.`);
  if (family?.ofTokens === undefined) throw refusal('the number of tokens of this model’s pictures is fixed');
  try {
    return family.ofTokens({ min, max });
  } catch (error) {
    if (error instanceof RangeError) throw refusal(error.message);
    throw error;
  }
}

/** Settings of crops belong together. */
function together(changes: ProcessorChanges, more: ProcessorChanges, name: string): ProcessorChanges {
  const { panAndScan: before } = changes;
  const { panAndScan: after } = more;
  if (before === undefined || after === undefined) return { ...changes, ...more };
  const key = CROP_KEYS[name];
  if (key === undefined) return { ...changes, panAndScan: after.maxCrops === 0 ? after : before };
  return { ...changes, panAndScan: before.maxCrops === 0 ? before : { ...before, [key]: after[key] } };
}

const CROP_KEYS: Readonly<Record<string, 'maxCrops' | 'minCropSize' | 'minRatio'>> = {
  pan_and_scan_max_num_crops: 'maxCrops',
  pan_and_scan_min_crop_size: 'minCropSize',
  pan_and_scan_min_ratio_to_activate: 'minRatio',
};

function noSetting(path: string, known: readonly string[]): VserveError {
  const advice = known.length === 0 ? 'It has none that a request may change.' : `It has ${known.join(', ')}.`;
  return new VserveError('invalid_request', `${path} is no setting of this model's image processor. ${advice}`, {
    param: path,
  });
}
