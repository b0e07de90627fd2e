import { randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import sharp from 'sharp';
import { Worker } from 'node:worker_threads';
import type { Bench } from '../bench.ts';
import { ask, chat } from '../chat.ts';
import { serverCommand } from '../commands.ts';
import type { Reading } from '../figures.ts';
import { randomText } from '../prompts.ts';
import { freePort, startServer } from '../server.ts';
import { gapsWithin, median } from '../statistics.ts';
import type { Server } from '../server.ts';

const textsBefore = 16;
const textsAlone = 64;
/** 8000 by 6250. */
const largePicture = { width: 8000, height: 6250 };
const bodyBytes = 90 * 1024 * 1024;
const maxMediaBytes = 200_000_000;

interface LoopDelay {
  readonly p99Ms: number;
  readonly maxMs: number;
}

/**
 * How even a running stream stays while an image of 50 megapixels is decoded and while a body of 90 MiB arrives, and how
 * responsive vserve's event loop. Both requests end once their images are decoded: their text is too long for the model,
 * so that no encoding is measured. Ratios are relative to the stream alone.
 */
export async function largeMedia(bench: Bench): Promise<void> {
  const { settings } = bench;
  const probePort = await freePort();
  const probe = new URL(`../loop-delay-probe.js?port=${String(probePort)}`, import.meta.url).href;
  const tooLong = randomText(settings.model.maxLength * 2);
  const senders = {
    picture: senderOf(bodyOf(tooLong, 'image/jpeg', await jpegOf(largePicture))),
    large: senderOf(bodyOf(tooLong, 'image/png', await pngOfBytes((bodyBytes * 3) / 4))),
  };
  const vserve = await startServer('vserve', (port) => {
    const command = serverCommand('vserve', settings, 2, port);
    const at = command.indexOf(settings.vservePath);
    const limits = ['--max-media-bytes', String(maxMediaBytes)];
    return [...command.slice(0, at), '--import', probe, ...command.slice(at), ...limits];
  });
  const servers = [vserve];
  try {
    servers.push(await startServer('llama-server', (port) => serverCommand('llama-server', settings, 2, port)));
    const readLoop = async (): Promise<LoopDelay> =>
      (await (await fetch(`http://127.0.0.1:${probePort}`)).json()) as LoopDelay;
    for (const { url } of servers) await chat(url, [ask(randomText(12))], { maxTokens: 8 });
    await bench.alternate(
      servers.map((server) => ({
        contender: server.contender,
        pid: server.pid,
        measure: () => besideLoads(server, settings.model.maxLength, senders, server === vserve ? readLoop : undefined),
      })),
    );
  } finally {
    for (const server of servers) await server.stop();
    await Promise.all([senders.picture.terminate(), senders.large.terminate()]);
  }
}

type ReadLoop = () => Promise<LoopDelay>;

async function besideLoads(
  { url }: Server,
  maxLength: number,
  { picture, large }: { readonly picture: Worker; readonly large: Worker },
  readLoop: ReadLoop | undefined,
): Promise<Reading[]> {
  const alone = await besideStream(url, maxLength, readLoop, undefined);
  const decoding = await besideStream(url, maxLength, readLoop, picture);
  const arriving = await besideStream(url, maxLength, readLoop, large);
  return [
    ...readings('alone', alone),
    ...readings('while 50 megapixels are decoded', decoding, alone),
    ...readings('while a body of 90 MiB arrives', arriving, alone),
  ];
}

interface Evenness {
  /** Of vserve only. */
  readonly loop: LoopDelay | undefined;
  /** Between one text of the stream and the next. */
  readonly medianGapMs: number;
  readonly longestGapMs: number;
  /** What the request beside the stream took. */
  readonly answeredMs: number;
}

/** Runs a stream and lets `sender` send beside it; without one, lets the stream run alone for a while. */
async function besideStream(
  url: string,
  maxLength: number,
  readLoop: ReadLoop | undefined,
  sender: Worker | undefined,
): Promise<Evenness> {
  const stop = new AbortController();
  const textAtMs: number[] = [];
  const awaited = new Map<number, () => void>();
  const textNumber = (number: number) => new Promise<void>((resolve) => awaited.set(number, resolve));
  const [started, ranAlone] = [textNumber(textsBefore), textNumber(textsBefore + textsAlone)];
  const onText = (): void => awaited.get(textAtMs.push(performance.now()))?.();
  const options = { maxTokens: Math.floor(maxLength * 0.9), signal: stop.signal, onText };
  const ended = chat(url, [ask(randomText(12))], options).then(
    () => Promise.reject(new Error('The stream ended before the measurement: take a larger model.')),
    (error: unknown) => (stop.signal.aborted ? undefined : Promise.reject(error)),
  );
  await Promise.race([started, ended]);
  await readLoop?.();
  const fromMs = performance.now();
  await Promise.race([sender === undefined ? ranAlone : refuse(url, sender), ended]);
  const toMs = performance.now();
  const loop = await readLoop?.();
  stop.abort();
  await ended;
  const gapsMs = gapsWithin(textAtMs, fromMs, toMs);
  return { loop, medianGapMs: median(gapsMs), longestGapMs: Math.max(...gapsMs), answeredMs: toMs - fromMs };
}

/** Sends a body from a thread of its own, since the stream is timed in this one. */
function senderOf(body: Uint8Array): Worker {
  return new Worker(new URL('../send-body.js', import.meta.url), { workerData: body });
}

/** Sends a request whose text is too long for the model, and waits until the server says so. */
async function refuse(url: string, sender: Worker): Promise<void> {
  const answered = once(sender, 'message') as Promise<[string]>;
  sender.postMessage(`${url}/v1/chat/completions`, []);
  const [text] = await answered;
  if (!/context_length_exceeded|exceed_context_size/.test(text)) {
    throw new Error(`${url} should have refused the length: ${text.slice(0, 500)}`);
  }
}

/** A delay of less than a tenth of a millisecond is none to compare with. */
function ratio(valueMs: number, baseMs: number): number {
  return valueMs / Math.max(baseMs, 0.1);
}

/** The figures of one load; with `alone`, also their ratios to those without it. */
function readings(when: string, beside: Evenness, alone?: Evenness): readonly Reading[] {
  const { loop, medianGapMs, longestGapMs, answeredMs } = beside;
  const inMs = (name: string, value: number): Reading => ({ name: `${name} ${when}`, unit: 'ms', value });
  const ofLoop = loop && [inMs('event loop delay (p99)', loop.p99Ms), inMs('event loop delay (most)', loop.maxMs)];
  const ofStream = [inMs('median gap of a stream', medianGapMs), inMs('longest gap of a stream', longestGapMs)];
  if (alone === undefined) return [...(ofLoop ?? []), ...ofStream];
  const toAlone = (name: string, valueMs: number, baseMs: number): Reading => ({
    name: `ratio of ${name} ${when}`,
    unit: '× alone',
    value: ratio(valueMs, baseMs),
  });
  return [
    ...(ofLoop ?? []),
    ...ofStream,
    ...(loop && alone.loop ? [toAlone('event loop delay (p99)', loop.p99Ms, alone.loop.p99Ms)] : []),
    toAlone('median gap of a stream', medianGapMs, alone.medianGapMs),
    toAlone('longest gap of a stream', longestGapMs, alone.longestGapMs),
    inMs('answer to the request beside it', answeredMs),
  ];
}

function bodyOf(text: string, mediaType: string, file: Buffer): Uint8Array {
  const content = [
    { type: 'text', text },
    { type: 'image_url', image_url: { url: `data:${mediaType};base64,${file.toString('base64')}` } },
  ];
  return Buffer.from(JSON.stringify({ model: 'bench', messages: [{ role: 'user', content }], max_tokens: 1 }));
}

/** A photograph's worth of noise. */
function jpegOf({ width, height }: { width: number; height: number }): Promise<Buffer> {
  const noise = { type: 'gaussian', mean: 128, sigma: 10 } as const;
  return sharp({ create: { width, height, channels: 3, background: '#000', noise } })
    .jpeg({ quality: 80 })
    .toBuffer();
}

/** A PNG of random pixels that takes about `bytes`. */
function pngOfBytes(bytes: number): Promise<Buffer> {
  const size = Math.floor(Math.sqrt(bytes / 3));
  const rgb = randomFillSync(new Uint8Array(size * size * 3));
  return sharp(rgb, { raw: { width: size, height: size, channels: 3 } })
    .png({ compressionLevel: 0 })
    .toBuffer();
}
