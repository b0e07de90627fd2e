import { chooseGguf } from '../../src/gguf-choice/index.ts';
import type { GgufFile, GgufWish } from '../../src/gguf-choice/index.ts';
import { modelHeader } from '../support/gguf-header.ts';

export const GB = 1e9;

/** Files by their paths, with their sizes in gigabytes. */
export type Sizes = Readonly<Record<string, number>>;
/** Headers by the paths of files, or the beginnings of paths; all others are those of a model. */
export type HeadersByPath = Readonly<Record<string, Uint8Array>>;

/** Chooses in a repository `org/name` with 20 GB of memory. `looked` are the paths of the headers that were read. */
export async function chooseIn(sizes: Sizes, wish: Partial<GgufWish> = {}, headers: HeadersByPath = {}) {
  const files: GgufFile[] = Object.entries(sizes).map(([path, size]) => ({ path, bytes: size * GB }));
  const looked: string[] = [];
  const chosen = await chooseGguf(
    files,
    {
      where: 'org/name',
      advice: 'Choose one with --weight-path',
      param: 'weightPath',
      encoding: 'auto',
      mmprojEncoding: 'auto',
      wantsProjector: true,
      memoryBytes: async () => 20 * GB,
      ifNoneFits: 'refuse',
      ifSeveral: 'largest',
      ...wish,
    },
    async ({ path }, maxBytes) => {
      looked.push(path);
      const own = Object.entries(headers).find(([start]) => path.startsWith(start))?.[1];
      return (own ?? modelHeader('llama')).subarray(0, maxBytes);
    },
  );
  const { model, mmproj, reason, warning } = chosen;
  return {
    model: model.path,
    files: model.files.map(({ path }) => path),
    mmproj: mmproj?.path,
    reason,
    warning,
    looked,
  };
}

/** Memory of so many gigabytes. */
export function memory(gigabytes: number): Pick<GgufWish, 'memoryBytes'> {
  return { memoryBytes: async () => gigabytes * GB };
}
