import { show } from '../api/index.ts';
import { VserveError } from '../errors/index.ts';

/** Asks for the details of images in any format, if it is 1. */
export const IMAGE_DETAILS_HEADER = 'x-vserve-image-details';

/** Throws `invalid_request` for anything but 0 and 1. */
export function wantsImageDetails(header: string | undefined): boolean {
  if (header === undefined || header === '0') return false;
  if (header === '1') return true;
  const message = `The header ${IMAGE_DETAILS_HEADER} must be 0 or 1, not ${show(header)}.`;
  throw new VserveError('invalid_request', message, { param: IMAGE_DETAILS_HEADER });
}
