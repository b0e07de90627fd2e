import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemErrorCode, VserveError } from '../errors/index.ts';
import { formatBytes } from '../formats/format-bytes.ts';

/** What a model still needs on the disk. */
export interface SpaceNeeded {
  readonly repository: string;
  readonly downloadBytes: number;
  readonly conversionBytes: number;
}

/** Throws `disk_full` when the disk of `folder` has no room for a download and what is made of it. */
export async function requireSpace(folder: string, needed: SpaceNeeded): Promise<void> {
  const { repository, downloadBytes, conversionBytes } = needed;
  const free = await freeBytes(folder);
  if (downloadBytes === 0 || downloadBytes + conversionBytes <= free) return;
  const conversion = conversionBytes === 0 ? '' : ` and about ${formatBytes(conversionBytes)} for its conversion`;
  throw new VserveError(
    'disk_full',
    `There is no room for ${repository}: it needs ${formatBytes(downloadBytes)} to download${conversion}, and ${folder} has ${formatBytes(free)} free.\nMake room, or set VSERVE_HOME to a folder on another disk.`,
  );
}

/** Free bytes for this user on the disk where a folder is, or will be. */
async function freeBytes(folder: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT' || dirname(folder) === folder) throw error;
    return freeBytes(dirname(folder));
  }
}
