import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The page as it was built. */
export interface PlaygroundFiles {
  readonly html: string;
  /** What the page loads, by name. The names have hashes of the contents. */
  readonly assets: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
}

/** Of `npm run build`; tests run the TypeScript in src, and take it from dist. */
const FOLDERS = ['page', '../../../dist/src/server/playground/page'];

/** Reads the page that `npm run build` made. Throws if it did not. */
export async function readPlayground(): Promise<PlaygroundFiles> {
  const [built = '', whileTesting = ''] = FOLDERS.map((folder) => join(import.meta.dirname, folder));
  return readFolder(built).catch(() => readFolder(whileTesting));
}

async function readFolder(folder: string): Promise<PlaygroundFiles> {
  const html = await readFile(join(folder, 'index.html'), 'utf8');
  const assetFolder = join(folder, 'playground');
  const names = await readdir(assetFolder);
  const contents = await Promise.all(
    names.map(async (name) => new Uint8Array(await readFile(join(assetFolder, name)))),
  );
  return { html, assets: new Map(names.map((name, index) => [name, contents[index] ?? new Uint8Array()])) };
}
