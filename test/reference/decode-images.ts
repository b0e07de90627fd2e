/**
 * Decodes every file of a folder as the server does and writes its pixels beside it, for `compare-pillow.py`:
 * `name.rgb`, rows of R G B. Prints JSON: name → [width, height], or an error's message.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../src/errors/index.ts';
import { decodeImage } from '../../src/media/decode-image.ts';

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('Usage: node decode-images.js <folder>');
const sizes: Record<string, readonly [number, number] | string> = {};
for (const name of await readdir(folder)) {
  try {
    const { width, height, rgb } = await decodeImage(await readFile(join(folder, name)), () => undefined);
    await writeFile(join(folder, `${name}.rgb`), rgb);
    sizes[name] = [width, height];
  } catch (error) {
    sizes[name] = messageOf(error);
  }
}
console.log(JSON.stringify(sizes));
