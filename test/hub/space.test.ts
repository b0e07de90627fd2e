import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { requireSpace } from '../../src/hub/space.ts';
import { temporaryFolder } from './download.ts';

async function needed(downloadBytes: number, conversionBytes: number, folder?: string) {
  const needs = { repository: 'org/name', downloadBytes, conversionBytes };
  return requireSpace(folder ?? (await temporaryFolder()), needs);
}

test('what fits is let through, in a folder that is yet to be made too', async () => {
  await needed(1000, 1000);
  await needed(1000, 1000, join(await temporaryFolder(), 'not', 'yet', 'there'));
});

test('a conversion counts, with what is downloaded for it', async () => {
  const { bavail, bsize } = await statfs(await temporaryFolder());
  const most = bavail * bsize;
  await expect(needed(most * 0.75, most * 0.75)).rejects.toMatchObject({
    code: 'disk_full',
    message: expect.stringMatching(
      /^Not enough disk space for org\/name: it needs .* to download and about .* for its conv/,
    ),
  });
  await expect(needed(most * 2, 0)).rejects.toThrow(
    /needs .* to download, and .* free\.\nFree some space, or set VSERVE_HOME/,
  );
});

test('a model that is all there needs no room: its conversion may be there as well', async () => {
  await needed(0, Number.MAX_SAFE_INTEGER);
});
