const beginning = Buffer.from('version https://git-lfs');

/** Completes an error: the file … */
export const lfsPointerMessage = 'is a Git LFS pointer, not the file itself: fetch it with git lfs pull';

/** Whether a file starts like the pointer that git clone leaves in its place without Git LFS. */
export function isLfsPointer(bytes: Uint8Array): boolean {
  return beginning.equals(bytes.subarray(0, beginning.byteLength));
}
