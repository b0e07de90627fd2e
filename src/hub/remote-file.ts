import { z } from 'zod';

const hashSchema = z.union([
  z.object({ algorithm: z.literal('sha256'), digest: z.string().regex(/^[0-9a-f]{64}$/) }),
  z.object({ algorithm: z.literal('git'), digest: z.string().regex(/^[0-9a-f]{40}$/) }),
]);

/** A file of a repository at a commit. */
export const remoteFileSchema = z.object({
  /** Within the repository, between slashes. Not yet checked: see `requireSafePath`. */
  path: z.string().min(1),
  bytes: z.int().min(0),
  hash: hashSchema,
});

/**
 * A hash of the whole of a file, in hexadecimal, by which the Hub names its content: `sha256` of the bytes, for files in
 * LFS or Xet; `git` is the SHA-1 that git gives a blob of them.
 */
export type FileHash = z.infer<typeof hashSchema>;

export type RemoteFile = z.infer<typeof remoteFileSchema>;
