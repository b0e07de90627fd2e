/**
 * Compares the pictures of the pages of PDFs with those that poppler's pdftoppm makes of them, in the same size.
 *
 *     node dist/scripts/compare-pdfs.js FOLDER [--side 1536] [--pages 3]
 *
 * For each file, or for each kind of refusal, a line: the pages compared, how much lighter or darker they are in mean (of
 * 255 levels), and how far apart their pixels are in mean. Exits with 1 if a page is more than a level lighter or darker,
 * or if something other than a refusal comes of a file.
 */
import { spawnSync } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { scriptArguments, usageError } from './arguments.ts';
import { VserveError } from '../src/errors/index.ts';
import { decodeDocument } from '../src/media/decode-document.ts';
import { decodeNetpbm } from '../src/media/decode-netpbm.ts';
import type { MediaPart } from '../src/media/media-parts.ts';
import type { Pixels } from '../src/media/pixels.ts';

const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

const { values, positionals } = scriptArguments({
  options: { side: { type: 'string', default: '1536' }, pages: { type: 'string', default: '3' } },
  allowPositionals: true,
});
const [folder] = positionals;
if (folder === undefined) usageError('Name a folder of PDFs.');
const documentPageSide = Number(values.side);
const lastPage = Number(values.pages);

/** The first pages of a file, or why it is refused. */
async function pagesOf(path: string): Promise<readonly MediaPart[] | VserveError> {
  const file = await readFile(path);
  const settings = {
    maxDocumentPages: lastPage,
    documentPageSide,
    maxVideoFrames: 1,
    maxVideoSeconds: 1,
    ffmpeg: 'ffmpeg',
  };
  const open = (last?: number) =>
    decodeDocument(file, {
      asked: {
        kind: 'document',
        pages: [last === undefined ? { first: 1 } : { first: 1, last }],
        textLayer: false,
      },
      settings,
      reserve: () => undefined,
      sizeOnly: false,
      onProgress: () => undefined,
    });
  try {
    return await open().catch((error: unknown) => {
      if (error instanceof VserveError && error.code === 'too_many_images') return open(lastPage);
      throw error;
    });
  } catch (error) {
    if (error instanceof VserveError) return error;
    throw error;
  }
}

/** A page as poppler shows it; undefined if it cannot. */
function byPoppler(path: string, page: number, { width, height }: Pixels): Pixels | undefined {
  const shown = runPoppler(path, page, width, height);
  // Of a page that is turned, it takes the sides before the turn.
  return shown === undefined || shown.width === width ? shown : runPoppler(path, page, height, width);
}

function runPoppler(path: string, page: number, width: number, height: number): Pixels | undefined {
  const size = ['-scale-to-x', String(width), '-scale-to-y', String(height)];
  const pages = ['-f', String(page), '-l', String(page), '-cropbox'];
  const { stdout } = spawnSync('pdftoppm', [...pages, ...size, path], { maxBuffer: MAX_OUTPUT_BYTES });
  return stdout.length === 0 ? undefined : decodeNetpbm(stdout, () => undefined);
}

/** The mean of the differences of all samples, and that of their amounts. */
function differenceOf(ours: Pixels, theirs: Pixels): { bias: number; distance: number } {
  let [bias, distance] = [0, 0];
  for (const [index, value] of ours.rgb.entries()) {
    const difference = value - (theirs.rgb[index] ?? 0);
    bias += difference;
    distance += Math.abs(difference);
  }
  return { bias: bias / ours.rgb.length, distance: distance / ours.rgb.length };
}

let failures = 0;
for (const name of (await readdir(folder)).toSorted()) {
  if (!name.endsWith('.pdf')) continue;
  const path = join(folder, name);
  const pages = await pagesOf(path);
  if (pages instanceof VserveError) {
    console.log(`${name.padEnd(36)} refused: ${pages.code}: ${pages.message}`);
    continue;
  }
  const compared = pages.flatMap((part, index) => {
    if (part.type !== 'image') return [];
    const { width, height, rgb } = part.bitmap;
    const ours = { width, height, rgb: new Uint8Array(rgb) };
    const theirs = byPoppler(path, index + 1, ours);
    return theirs === undefined || theirs.rgb.length !== rgb.length ? [] : [differenceOf(ours, theirs)];
  });
  const worst = (key: 'bias' | 'distance') => Math.max(0, ...compared.map((each) => Math.abs(each[key])));
  const isFar = worst('bias') > 1;
  if (isFar) failures += 1;
  const [first] = pages;
  const size = first?.type === 'image' ? `${first.bitmap.width}x${first.bitmap.height}` : '';
  const levels =
    compared.length === 0 ? 'poppler shows nothing' : `${worst('bias').toFixed(2)} ${worst('distance').toFixed(2)}`;
  console.log(
    `${name.padEnd(36)} ${String(compared.length)}/${String(pages.length)} ${size.padEnd(10)} ${levels}${isFar ? '  FAR' : ''}`,
  );
}
process.exitCode = failures === 0 ? 0 : 1;
