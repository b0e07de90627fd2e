import { readFile } from 'node:fs/promises';
import { afterAll, expect, it } from 'vitest';
import { mutateBytes } from '../../scripts/fuzz/mutate.ts';
import { VserveError } from '../../src/errors/index.ts';
import { Decoder } from '../../src/media/decoder.ts';
import { MediaBudget } from '../../src/media/media-budget.ts';
import { randomBits } from '../reference/random.ts';
import { mediaSettings } from '../server/support/settings.ts';
import { pdfOf, textAt } from '../support/pdf.ts';

const decoder = new Decoder({ timeoutMs: 60_000 });
afterAll(() => decoder.close());

const settings = mediaSettings({ documentPageSide: 100 });
const asked = { kind: 'document', pages: undefined, textLayer: false } as const;
const content = `1 0 0 rg 10 10 50 50 re f 0 g ${textAt(20, 60, 'Some words')}`;

/** Opens a file: whether it was shown. Anything but a picture or a refusal is thrown. */
async function isShown(file: Uint8Array): Promise<boolean> {
  const limits = { budget: new MediaBudget(1e7), maxPixels: 1e6, signal: new AbortController().signal };
  try {
    await decoder.open({ pieces: [new Uint8Array(file)], encoding: 'bytes' }, { asked, settings }, limits);
    return true;
  } catch (error) {
    if (error instanceof VserveError && !error.message.includes('took longer')) return false;
    throw error;
  }
}

it.each([
  ['PDF', () => Promise.resolve(pdfOf({ content }, { rotate: 90, content }))],
  ['HEIC', () => readFile(new URL('../fixtures/photo.heic', import.meta.url))],
])('a damaged %s is shown or refused, and harms no other', async (_, read) => {
  const original = Buffer.from(await read());
  const bits = randomBits(11);
  const outcomes = [];
  for (let index = 0; index < 60; index += 1)
    outcomes.push(await isShown(mutateBytes(original, (limit) => bits() % limit)));
  expect(new Set(outcomes)).toEqual(new Set([true, false]));
  expect(await isShown(original)).toBe(true);
});
