const beginning = Buffer.from('version https://git-lfs');

/** What to say of a file that is none. */
export const lfsPointerMessage = 'is a pointer of Git LFS, and not the file itself: fetch it with git lfs pull';

/** Whether a file's first bytes are those of what git clone leaves in its place where Git LFS is not installed. */
export function isLfsPointer(bytes: Uint8Array): boolean {
  return beginning.equals(bytes.subarray(0, beginning.byteLength));
}
