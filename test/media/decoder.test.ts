import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { BroadcastChannel } from 'node:worker_threads';
import sharp from 'sharp';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { DecodeThreads } from '../../src/media/decode-threads.ts';
import { Decoder } from '../../src/media/decoder.ts';
import { sampleOf } from '../../src/media/image-sample.ts';
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

/** A thread that answers each file with the number of files that it has got so far, as the width. */
const countingWorker = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort } from 'node:worker_threads';
    let files = 0;
    parentPort.on('message', (request) => {
      if (request === 'close') return parentPort.close();
      files += 1;
      parentPort.postMessage({ id: request.id, bitmap: { width: files, height: 1, id: 'a', rgb: new Uint8Array(3) } });
    });`)}`,
);

/**
 * A thread that keeps a file of two bytes until nothing is left of its budget, and says how many it keeps. It answers a
 * file of one byte.
 */
const hoardingWorker = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { BroadcastChannel, parentPort } from 'node:worker_threads';
    const channel = new BroadcastChannel('kept');
    let kept = [];
    const isOver = ({ bytesLeft }) => Atomics.load(bytesLeft, 0) <= 0n && Atomics.load(bytesLeft, 1) <= 0n;
    const timer = setInterval(() => {
      for (const { id } of kept.filter(isOver)) parentPort.postMessage({ id, failure: { code: 'over_budget', message: '' } });
      kept = kept.filter((request) => !isOver(request));
    }, 1);
    parentPort.on('message', (request) => {
      if (request === 'close') {
        clearInterval(timer);
        channel.close();
        parentPort.close();
      } else if (request.image.pieces[0].length === 1) {
        channel.postMessage('end');
        parentPort.postMessage({ id: request.id, bitmap: { width: 1, height: 1, id: 'a', rgb: new Uint8Array(3) } });
      } else {
        channel.postMessage(kept.push(request));
      }
    });`)}`,
);

function turnEventLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Decodes files at the same time, and gives how many the thread of each has got by then. */
async function countedFiles(files: readonly Uint8Array[]): Promise<number[]> {
  const decoder = open(60_000, countingWorker);
  return (await Promise.all(files.map((file) => decode(decoder, file)))).map(({ width }) => width);
}

function sample(...pieces: readonly Uint8Array<ArrayBuffer>[]): string {
  return sampleOf({ pieces, encoding: 'bytes' });
}

describe('Decoder', () => {
  it('gives up on a picture that takes too long, and decodes the next in another thread', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const decoder = open(3000, worker);
    expect(await decode(decoder, Buffer.alloc(1))).toMatchObject({ id: 'a' });
    const tooLong = expect(decode(decoder, Buffer.alloc(2))).rejects.toMatchObject({
      code: 'undecodable',
      message: expect.stringContaining('longer than 3 s') as string,
    });
    await turnEventLoop();
    vi.advanceTimersByTime(3000);
    await tooLong;
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

  it('lets clients that leave pile nothing up: a thread has at most two images at a time', async () => {
    const decoder = open(60_000, hoardingWorker);
    const channel = new BroadcastChannel('kept');
    onTestFinished(() => channel.close());
    let most = 0;
    const end = new Promise<void>((resolve) => {
      channel.addEventListener('message', (event) => {
        const { data } = event as unknown as { readonly data: number | 'end' };
        if (data === 'end') resolve();
        else most = Math.max(most, data);
      });
    });
    for (let round = 0; round < 4; round += 1) {
      const controller = new AbortController();
      const left = [1, 2].map(() => decode(decoder, Buffer.alloc(2), { signal: controller.signal }));
      await turnEventLoop();
      controller.abort('gone');
      for (const outcome of await Promise.allSettled(left)) expect(outcome).toMatchObject({ reason: 'gone' });
    }
    await decode(decoder, Buffer.alloc(1));
    await end;
    expect(most).toBe(Math.min(2, availableParallelism()));
  });

  it('decodes a small image beside large ones that take their time', async () => {
    const decoder = open(60_000, worker);
    const leaving = new AbortController();
    const large = [1, 2, 3].map((fill) =>
      decode(decoder, Buffer.alloc(2 * 1024 * 1024, fill), { signal: leaving.signal }).catch(
        (reason: unknown) => reason,
      ),
    );
    expect(await decode(decoder, Buffer.alloc(1))).toMatchObject({ id: 'a' });
    leaving.abort('gone');
    expect(await Promise.all(large)).toEqual(['gone', 'gone', 'gone']);
  });

  it('decodes the same image in one thread, and others in others', async () => {
    expect(await countedFiles([Buffer.alloc(9, 1), Buffer.alloc(9, 1)])).toEqual([1, 2]);
    if (availableParallelism() > 1)
      expect(await countedFiles([Buffer.alloc(9, 1), Buffer.alloc(9, 2)])).toEqual([1, 1]);
  });

  it.runIf(availableParallelism() > 1)('decodes an image again in the thread that keeps it', async () => {
    const decoder = open(60_000, countingWorker);
    const [first, second] = [Buffer.alloc(9, 1), Buffer.alloc(9, 2)];
    await Promise.all([decode(decoder, first), decode(decoder, second)]);
    expect(await decode(decoder, first)).toMatchObject({ width: 2 });
    expect(await decode(decoder, second)).toMatchObject({ width: 2 });
    expect(await decode(decoder, second)).toMatchObject({ width: 3 });
  });
});

describe('DecodeThreads', () => {
  it('ends a thread that has nothing to do, but for the last', async () => {
    const parting = new BroadcastChannel('parting');
    onTestFinished(() => parting.close());
    const farewell = new Promise((resolve) => parting.addEventListener('message', resolve));
    const threads = new DecodeThreads(partingWorker, 0);
    onTestFinished(() => threads.close());
    const [one, other] = [threads.take('a'), threads.take('b')];
    expect(threads.count).toBe(2);
    one.end();
    other.end();
    await farewell;
    expect(threads.count).toBe(1);
    expect(threads.take('c').thread.hasEnded).toBe(false);
  });
});

describe('sampleOf', () => {
  const bytes = new Uint8Array(100_000).map((_, index) => index % 251);

  it('is the same however an image is cut, and another for another image', () => {
    expect(sample(bytes.slice(0, 7), bytes.slice(7, 60_000), bytes.slice(60_000))).toBe(sample(bytes));
    expect(sample(bytes.slice(1))).not.toBe(sample(bytes));
    expect(sample(bytes.with(50_000, 255))).not.toBe(sample(bytes));
  });
});
