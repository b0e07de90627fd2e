import { z } from 'zod';

const hashSchema = z.union([
  z.object({ algorithm: z.literal('sha256'), digest: z.string().regex(/^[0-9a-f]{64}$/) }),
  z.object({ algorithm: z.literal('git'), digest: z.string().regex(/^[0-9a-f]{40}$/) }),
]);

/** A file of a repository at a commit. */
const remoteFileSchema = z.object({
  /** Within the repository, slash-separated. Unchecked: see `requireSafePath`. */
  path: z.string().min(1),
  bytes: z.int().min(0),
  hash: hashSchema,
});

/** What the Hub listed for a commit. */
export const listingSchema = z.array(remoteFileSchema);

/**
 * A hash of a whole file, in hexadecimal, as the Hub lists it: `sha256` of the bytes for files in LFS or Xet; `git` is
 * the SHA-1 of the bytes as a git blob.
 */
export type FileHash = z.infer<typeof hashSchema>;

export type RemoteFile = z.infer<typeof remoteFileSchema>;
