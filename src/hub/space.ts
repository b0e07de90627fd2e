import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemErrorCode, VserveError } from '../errors/index.ts';
import { formatBytes } from '../formats/format-bytes.ts';

/** The disk space that a model still needs. */
export interface SpaceNeeded {
  readonly repository: string;
  readonly downloadBytes: number;
  readonly conversionBytes: number;
}

/** Throws `disk_full` if the disk of `folder` has no room for a download and its conversion. */
export async function requireSpace(folder: string, needed: SpaceNeeded): Promise<void> {
  const { repository, downloadBytes, conversionBytes } = needed;
  const free = await freeBytes(folder);
  if (downloadBytes === 0 || downloadBytes + conversionBytes <= free) return;
  const conversion = conversionBytes === 0 ? '' : ` and about ${formatBytes(conversionBytes)} for its conversion`;
  throw new VserveError(
    'disk_full',
    `Not enough disk space for ${repository}: it needs ${formatBytes(downloadBytes)} to download${conversion}, and ${folder} has ${formatBytes(free)} free.\nFree some space, or set VSERVE_HOME to a folder on another disk.`,
  );
}

/** Bytes free for this user on the disk of a folder, which need not exist yet. */
async function freeBytes(folder: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT' || dirname(folder) === folder) throw error;
    return freeBytes(dirname(folder));
  }
}
