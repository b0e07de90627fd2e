import { readFile } from 'node:fs/promises';
import { BroadcastChannel } from 'node:worker_threads';
import sharp from 'sharp';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { Decoder } from '../../src/media/decoder.ts';
import { MediaBudget } from '../../src/media/media-budget.ts';

const picture = await readFile(new URL('../fixtures/images/grey.png', import.meta.url));
const signal = new AbortController().signal;
const decoders: Decoder[] = [];
afterEach(() => Promise.all(decoders.splice(0).map((decoder) => decoder.close())));

function open(timeoutMs = 60_000, workerUrl?: URL): Decoder {
  const decoder = new Decoder({ timeoutMs, workerUrl });
  decoders.push(decoder);
  return decoder;
}

function decode(
  decoder: Decoder,
  file: Uint8Array,
  changes: { maxPixels?: number; maxBytes?: number; signal?: AbortSignal } = {},
) {
  const { maxPixels = 1_000_000, maxBytes = 1_000_000, ...rest } = changes;
  const image = { pieces: [new Uint8Array(file)], encoding: 'bytes' } as const;
  return decoder.decode(image, { budget: new MediaBudget(maxBytes), maxPixels, signal, ...rest });
}

/** A thread that answers a file of one byte, and never any other. */
const worker = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort } from 'node:worker_threads';
    parentPort.on('message', (request) => {
      if (request === 'close') parentPort.close();
      else if (request.image.pieces[0].length === 1) parentPort.postMessage({ id: request.id, bitmap: { width: 1, height: 1, id: 'a', rgb: new Uint8Array(3) } });
    });`)}`,
);

/** A thread that answers nothing, and says when it is told to end. */
const partingWorker = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { BroadcastChannel, parentPort } from 'node:worker_threads';
    parentPort.on('message', (request) => {
      if (request !== 'close') return;
      const parting = new BroadcastChannel('parting');
      parting.postMessage('closed');
      parting.close();
      parentPort.close();
    });`)}`,
);

/**
 * A thread that keeps a file of two bytes until nothing is left of its budget, and answers one of one byte: the width is the most
 * files that it kept at a time.
 */
const hoardingWorker = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort } from 'node:worker_threads';
    let most = 0;
    let kept = [];
    const isOver = ({ bytesLeft }) => Atomics.load(bytesLeft, 0) <= 0n && Atomics.load(bytesLeft, 1) <= 0n;
    const timer = setInterval(() => {
      for (const { id } of kept.filter(isOver)) parentPort.postMessage({ id, failure: { code: 'over_budget', message: '' } });
      kept = kept.filter((request) => !isOver(request));
    }, 1);
    parentPort.on('message', (request) => {
      if (request === 'close') {
        clearInterval(timer);
        parentPort.close();
      } else if (request.image.pieces[0].length === 1) {
        parentPort.postMessage({ id: request.id, bitmap: { width: most, height: 1, id: 'a', rgb: new Uint8Array(3) } });
      } else {
        most = Math.max(most, kept.push(request));
      }
    });`)}`,
);

function turnEventLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe('Decoder', () => {
  it('gives up on a picture that takes too long, and decodes the next in another thread', async () => {
    const decoder = open(3000, worker);
    expect(await decode(decoder, Buffer.alloc(1))).toMatchObject({ id: 'a' });
    await expect(decode(decoder, Buffer.alloc(2))).rejects.toMatchObject({
      code: 'undecodable',
      message: expect.stringContaining('longer than 3 s') as string,
    });
    expect(await decode(decoder, Buffer.alloc(1))).toMatchObject({ id: 'a' });
  });

  it('ends a thread that it has given up on, when the thread can be told', async () => {
    const parting = new BroadcastChannel('parting');
    onTestFinished(() => parting.close());
    const farewell = new Promise((resolve) => parting.addEventListener('message', resolve));
    await expect(decode(open(100, partingWorker), Buffer.alloc(1))).rejects.toMatchObject({ code: 'undecodable' });
    await farewell;
  });

  it('takes exactly as many pixels as are allowed, also of a picture that it knows', async () => {
    const decoder = open();
    expect(await decode(decoder, picture, { maxPixels: 83 * 61 })).toMatchObject({ width: 83, height: 61 });
    for (const changes of [{ maxPixels: 83 * 61 - 1 }, { maxBytes: 83 * 61 * 3 - 1 }]) {
      await expect(decode(decoder, picture, changes)).rejects.toMatchObject({ code: 'decode_too_large' });
    }
    expect(await decode(decoder, picture, { maxBytes: 83 * 61 * 3 })).toMatchObject({ width: 83 });
  });

  it('counts what the pixels of the file itself take', async () => {
    const create = { width: 10, height: 10, channels: 4, background: '#12345678' } as const;
    const deep = await sharp({ create }).toColourspace('rgb16').png().toBuffer();
    expect(await decode(open(), deep, { maxBytes: 800 })).toMatchObject({ width: 10 });
    await expect(decode(open(), deep, { maxBytes: 799 })).rejects.toMatchObject({ code: 'decode_too_large' });
  });

  it('decodes on after a request was aborted, even one that was the first with a picture', async () => {
    const decoder = open();
    const controller = new AbortController();
    const file = await sharp({ create: { width: 900, height: 900, channels: 3, background: '#123' } })
      .png()
      .toBuffer();
    const limits = { maxBytes: 10_000_000 };
    const aborted = decode(decoder, file, { ...limits, signal: controller.signal });
    const other = decode(decoder, file, limits);
    controller.abort('gone');
    await expect(aborted).rejects.toBe('gone');
    expect((await other).rgb.subarray(0, 3)).toEqual(Uint8Array.of(0x11, 0x22, 0x33));
  });

  it('lets those who leave pile nothing up: the thread has two pictures at a time', async () => {
    const decoder = open(60_000, hoardingWorker);
    for (let round = 0; round < 4; round += 1) {
      const controller = new AbortController();
      const left = [1, 2].map(() => decode(decoder, Buffer.alloc(2), { signal: controller.signal }));
      await turnEventLoop();
      controller.abort('gone');
      for (const outcome of await Promise.allSettled(left)) expect(outcome).toMatchObject({ reason: 'gone' });
    }
    expect(await decode(decoder, Buffer.alloc(1))).toMatchObject({ width: 2 });
  });
});
