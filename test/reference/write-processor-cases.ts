/**
 * Writes what compare-transformers.py asks the processors and models of transformers: checkpoints that see, each with the
 * chat template of its family, conversations, and pictures.
 *
 *     node dist/test/reference/write-processor-cases.js <directory> [name…]
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { bitmapOf, describedConversations, oddPictures } from '../engine/conversations.ts';
import type { Picture } from '../engine/conversations.ts';
import { faithfulCheckpoint, faithfulNames } from '../engine/seeing-checkpoints.ts';
import { chosenNames } from './chosen-names.ts';
import { writeCheckpoint } from './write-checkpoint.ts';

const [directory, ...asked] = process.argv.slice(2);
if (directory === undefined) {
  throw new Error('Usage: node dist/test/reference/write-processor-cases.js <directory> [name…]');
}
const names = chosenNames(asked, faithfulNames);

async function writePicture(picture: Picture): Promise<string> {
  const { width, height, rgb } = bitmapOf(picture);
  const name = `${width}x${height}-${picture.seed}.png`;
  await sharp(rgb, { raw: { width, height, channels: 3 } })
    .png()
    .toFile(join(directory ?? '', name));
  return name;
}

await mkdir(directory, { recursive: true });
const conversations = [];
for (const messages of describedConversations) {
  const written = messages.map(async ({ role, content }) => ({
    role,
    content: await Promise.all(
      content.map(async (part) =>
        typeof part === 'string' ? { type: 'text', text: part } : { type: 'image', file: await writePicture(part) },
      ),
    ),
  }));
  conversations.push(await Promise.all(written));
}
const pictures = [];
for (const picture of oddPictures) pictures.push({ ...picture, file: await writePicture(picture) });
await writeFile(join(directory, 'cases.json'), JSON.stringify({ conversations, pictures }));
for (const name of names) {
  await writeCheckpoint(join(directory, name), faithfulCheckpoint(name));
  console.log(name);
}
