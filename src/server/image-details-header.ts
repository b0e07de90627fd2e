/** Asks for the details of images in any format, if it is not 0. */
export const IMAGE_DETAILS_HEADER = 'x-vserve-image-details';

export function wantsImageDetails(header: string | undefined): boolean {
  return header !== undefined && header !== '' && header !== '0';
}
