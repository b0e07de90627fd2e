import type { ImageBudget, ImageDetail } from '../../backend/index.ts';
import { contradiction, invalid, show } from './invalid-request.ts';

/** Keys of an image part that say how closely to look at the image. */
interface AskedBudget {
  readonly detail?: unknown;
  readonly min_pixels?: unknown;
  readonly max_pixels?: unknown;
}

const DETAILS: readonly ImageDetail[] = ['auto', 'low', 'high', 'original'];
/** More than any image may have. */
const MOST_PIXELS = 2 ** 31 - 1;

/** Reads what is asked for an image: undefined for nothing. Throws `invalid_request`. */
export function readBudget({ detail, min_pixels, max_pixels }: AskedBudget, param: string): ImageBudget | undefined {
  const level = readDetail(detail, `${param}.detail`);
  const minPixels = readPixels(min_pixels, `${param}.min_pixels`);
  const maxPixels = readPixels(max_pixels, `${param}.max_pixels`);
  if ((minPixels ?? 0) > (maxPixels ?? Infinity)) {
    throw invalid(`${param}.min_pixels`, `${param}.min_pixels must not be above max_pixels, ${String(maxPixels)}.`);
  }
  const isBounded = minPixels !== undefined || maxPixels !== undefined;
  if (level === undefined && !isBounded) return undefined;
  return {
    ...(level === undefined ? {} : { detail: level }),
    ...(minPixels === undefined ? {} : { minPixels }),
    ...(maxPixels === undefined ? {} : { maxPixels }),
    ...(isBounded ? { param } : {}),
  };
}

/** What a part and the object in it ask for. Throws `invalid_request` where they contradict each other. */
export function bothOf(part: ImageBudget, inner: ImageBudget, path: string, innerPath: string): ImageBudget {
  for (const key of ['detail', 'minPixels', 'maxPixels'] as const) {
    const [one, other] = [part[key], inner[key]];
    if (one !== undefined && other !== undefined && one !== other) {
      throw contradiction(`${path}.${FIELDS[key]}`, `${innerPath}.${FIELDS[key]}`);
    }
  }
  return { ...part, ...inner };
}

const FIELDS = { detail: 'detail', minPixels: 'min_pixels', maxPixels: 'max_pixels' } as const;

function readDetail(detail: unknown, path: string): ImageDetail | undefined {
  const known = DETAILS.find((level) => level === detail);
  if (detail === undefined || known !== undefined) return known;
  throw invalid(path, `${path} must be auto, low, high or original, not ${show(detail)}.`);
}

function readPixels(pixels: unknown, path: string): number | undefined {
  if (pixels === undefined) return undefined;
  if (typeof pixels === 'number' && Number.isInteger(pixels) && pixels >= 1 && pixels <= MOST_PIXELS) return pixels;
  throw invalid(path, `${path} must be a number of pixels, a whole number of at least 1, not ${show(pixels)}.`);
}
