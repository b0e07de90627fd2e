import { describe, expect, it } from 'vitest';
import type { DecodedImage } from '../../src/media/pixels.ts';
import { DecodedImages } from '../../src/media/decoded-images.ts';
import { Gate } from '../support/gate.ts';

const MAX_BYTES = 30;

function picture(id: string, bytes = 3): DecodedImage {
  return { id, width: bytes / 3, height: 1, rgb: new Uint8Array(bytes).fill(7) };
}

function decoder(gate?: Gate, bytes?: number) {
  const decoded: string[] = [];
  const images = new DecodedImages(MAX_BYTES);
  const get = (hash: string): Promise<DecodedImage> =>
    images.get(hash, async () => {
      decoded.push(hash);
      await gate?.opened;
      return picture(hash, bytes);
    });
  return { get, decoded };
}

/** Gives the memory of a picture away, as a reply of the decoding thread does. */
function giveAway({ rgb }: DecodedImage): void {
  structuredClone(rgb, { transfer: [rgb.buffer] });
}

describe('DecodedImages', () => {
  it('decodes the same file once, at different times', async () => {
    const { get, decoded } = decoder();
    giveAway(await get('a'));
    giveAway(await get('a'));
    expect(await get('a')).toEqual(picture('a'));
    expect(await get('b')).toEqual(picture('b'));
    expect(decoded).toEqual(['a', 'b']);
  });

  it.each([3, MAX_BYTES + 3])(
    'decodes the same file once, at the same time, whatever its size (%i bytes)',
    async (bytes) => {
      const gate = new Gate();
      const { get, decoded } = decoder(gate, bytes);
      const all = [get('a'), get('a'), get('a')].map(async (image) => {
        const { rgb } = await image;
        expect(rgb).toEqual(picture('a', bytes).rgb);
        giveAway(await image);
      });
      gate.open();
      await Promise.all(all);
      expect(decoded).toEqual(['a']);
    },
  );

  it('keeps the pictures that were used last, in so many bytes', async () => {
    const { get, decoded } = decoder(undefined, 15);
    for (const hash of ['a', 'b', 'a', 'c', 'a', 'b']) await get(hash);
    expect(decoded).toEqual(['a', 'b', 'c', 'b']);
  });

  it('keeps no picture that is too large for it', async () => {
    const { get, decoded } = decoder(undefined, MAX_BYTES + 3);
    await get('a');
    await get('a');
    expect(decoded).toEqual(['a', 'a']);
  });

  it('lets everyone fail for himself: limits are those of a request', async () => {
    const images = new DecodedImages(MAX_BYTES);
    const gate = new Gate();
    const first = images.get('a', async () => {
      await gate.opened;
      throw new Error('too large');
    });
    const second = images.get('a', async () => picture('a'));
    const third = images.get('a', async () => picture('never'));
    gate.open();
    await expect(first).rejects.toThrow('too large');
    expect(await second).toEqual(picture('a'));
    expect(await third).toEqual(picture('a'));
  });
});
