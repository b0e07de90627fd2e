import { randomFillSync } from 'node:crypto';
import sharp from 'sharp';
import { request } from 'undici';
import type { Bench } from '../bench.ts';
import { ask, chat } from '../chat.ts';
import { serverCommand } from '../commands.ts';
import type { Reading } from '../figures.ts';
import { randomText } from '../prompts.ts';
import { freePort, startServer } from '../server.ts';
import { longestGap } from '../statistics.ts';

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
 * How free vserve's event loop is beside a running stream, and how even the stream, while a picture of 50 megapixels is
 * decoded and while a body of 90 MiB arrives. Both requests end when their pictures are decoded: their text is too long
 * for the model, so that no encoding is measured. Ratios are to the stream alone.
 */
export async function largeMedia(bench: Bench): Promise<void> {
  const { settings } = bench;
  const probePort = await freePort();
  const probe = new URL(`../loop-delay-probe.js?port=${String(probePort)}`, import.meta.url).href;
  const server = await startServer('vserve', (port) => {
    const command = serverCommand('vserve', settings, 2, port);
    const at = command.indexOf(settings.vservePath);
    const limits = ['--max-media-bytes', String(maxMediaBytes)];
    return [...command.slice(0, at), '--import', probe, ...command.slice(at), ...limits];
  });
  const tooLong = randomText(settings.model.maxLength * 2);
  const picture = bodyOf(tooLong, 'image/jpeg', await jpegOf(largePicture));
  const body = bodyOf(tooLong, 'image/png', await pngOfBytes((bodyBytes * 3) / 4));
  const read = async (): Promise<LoopDelay> =>
    (await (await fetch(`http://127.0.0.1:${probePort}`)).json()) as LoopDelay;
  try {
    await chat(server.url, [ask(randomText(12))], { maxTokens: 8 });
    const measure = async (): Promise<Reading[]> => {
      const alone = await besideStream(server.url, settings.model.maxLength, read, undefined);
      const decoding = await besideStream(server.url, settings.model.maxLength, read, picture);
      const arriving = await besideStream(server.url, settings.model.maxLength, read, body);
      return [
        ...readings('alone', alone),
        ...readings('while 50 megapixels are decoded', decoding, alone),
        ...readings('while a body of 90 MiB arrives', arriving, alone),
      ];
    };
    await bench.alternate([{ contender: 'vserve', pid: server.pid, measure }]);
  } finally {
    await server.stop();
  }
}

interface Evenness extends LoopDelay {
  readonly gapMs: number;
}

/** Runs a stream and sends `body` beside it; without one, lets the stream run alone for a while. */
async function besideStream(
  url: string,
  maxLength: number,
  read: () => Promise<LoopDelay>,
  body: Uint8Array | undefined,
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
  await read();
  const fromMs = performance.now();
  await Promise.race([body === undefined ? ranAlone : refuse(url, body), ended]);
  const toMs = performance.now();
  const delay = await read();
  stop.abort();
  await ended;
  return { ...delay, gapMs: longestGap(textAtMs, fromMs, toMs) };
}

/** Sends a request whose text is too long for the model, and waits until the server says so. */
async function refuse(url: string, body: Uint8Array): Promise<void> {
  const response = await request(`${url}/v1/chat/completions`, { method: 'POST', body, headersTimeout: 0 });
  const text = await response.body.text();
  if (!text.includes('context_length_exceeded')) throw new Error(`${url} should have refused the length: ${text}`);
}

/** A delay of less than a tenth of a millisecond is none to compare with. */
function ratio(valueMs: number, baseMs: number): number {
  return valueMs / Math.max(baseMs, 0.1);
}

/** The figures of one load; with `alone`, also their ratios to those without it. */
function readings(when: string, { p99Ms, maxMs, gapMs }: Evenness, alone?: Evenness): readonly Reading[] {
  const inMs = [
    { name: `event loop delay (p99) ${when}`, unit: 'ms', value: p99Ms },
    { name: `event loop delay (most) ${when}`, unit: 'ms', value: maxMs },
    { name: `longest gap of a stream ${when}`, unit: 'ms', value: gapMs },
  ] as const;
  if (alone === undefined) return inMs;
  return [
    ...inMs,
    { name: `ratio of event loop delay (p99) ${when}`, unit: '× alone', value: ratio(p99Ms, alone.p99Ms) },
    { name: `ratio of longest gap of a stream ${when}`, unit: '× alone', value: ratio(gapMs, alone.gapMs) },
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
