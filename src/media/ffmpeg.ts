import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { basename, dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { systemErrorCode, VserveError } from '../errors/index.ts';
import type { VideoFormat } from './video-format.ts';

/** A video in a file. */
export interface VideoInput {
  readonly path: string;
  readonly format: VideoFormat;
  /** The command of FFmpeg. */
  readonly ffmpeg: string;
  /** More pixels per frame are refused by the decoder itself, whatever the container says. */
  readonly maxPixels: number;
}

/** What a video says of itself. */
export interface VideoFacts {
  /** As it is shown: square pixels, rotated. */
  readonly width: number;
  readonly height: number;
  readonly durationS: number;
  readonly framesPerSecond: number;
}

/** Which frames to read, spread evenly. Seconds count from the beginning of the span. */
export interface FramesAsk {
  readonly startS: number;
  readonly durationS: number;
  readonly frames: number;
  readonly intervalS: number;
  readonly halfFrameS: number;
  readonly size: { readonly width: number; readonly height: number };
}

const TIMEOUT_MS = 25_000;
/** Of a process, in KiB and in seconds of CPU time, where the system can limit them. */
const MAX_MEMORY_KIB = 3 * 1024 * 1024;
const MAX_CPU_S = 60;
const MAX_ALLOCATION_BYTES = 512 * 1024 * 1024;
const MAX_TOLD_CHARACTERS = 64 * 1024;
const DEFAULT_RATE = 25;
const MAX_RATE = 1000;
/**
 * Runs a command within limits, and ends it with this process, however that ends (Linux). On a system that knows none of them,
 * it runs all the same.
 */
const LIMITED = [
  `ulimit -v ${MAX_MEMORY_KIB} 2>/dev/null`,
  `ulimit -t ${MAX_CPU_S} 2>/dev/null`,
  'setpriv --pdeathsig KILL true 2>/dev/null && exec setpriv --pdeathsig KILL "$@"',
  'exec "$@"',
].join('; ');

/** Asks ffprobe about a video. Throws `undecodable`, `unsupported_capability`. */
export async function probeVideo(input: VideoInput): Promise<VideoFacts> {
  const entries =
    'stream=width,height,avg_frame_rate,r_frame_rate,duration,sample_aspect_ratio:stream_side_data=rotation:stream_tags=rotate:format=duration';
  const arguments_ = [
    '-v',
    'error',
    ...inputArguments(input),
    '-select_streams',
    'V:0',
    '-show_entries',
    entries,
    '-of',
    'json',
  ];
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  await run(besideFfmpeg(input.ffmpeg), arguments_, (chunk) => {
    bytes += chunk.length;
    if (bytes > MAX_TOLD_CHARACTERS) throw new VserveError('undecodable', 'The video says too much of itself.');
    chunks.push(chunk);
  });
  return factsOf(JSON.parse(Buffer.concat(chunks).toString() || '{}'));
}

/**
 * Reads frames of a video in RGB, in their order, and returns their times from the beginning of the span. What `onFrame`
 * throws ends the process. Throws `undecodable`, `unsupported_capability`.
 */
export async function readFrames(
  input: VideoInput,
  { startS, durationS, frames, intervalS, halfFrameS, size }: FramesAsk,
  onFrame: (rgb: Uint8Array<ArrayBuffer>) => void,
): Promise<number[]> {
  const select = `select=gte(t-start_t\\,selected_n*${intervalS.toFixed(6)}-${halfFrameS.toFixed(6)})`;
  const filters = `${select},showinfo=checksum=0,scale=${size.width}:${size.height}:flags=area,format=rgb24`;
  const start = startS > 0 ? ['-ss', startS.toFixed(3)] : [];
  const arguments_ = [
    ['-hide_banner', '-nostats', '-nostdin', '-loglevel', 'info', '-max_alloc', String(MAX_ALLOCATION_BYTES)],
    ['-threads', '2', '-max_pixels', String(input.maxPixels)],
    start,
    ['-t', (durationS + halfFrameS).toFixed(3)],
    inputArguments(input),
    ['-map', '0:V:0', '-vf', filters, '-fps_mode', 'passthrough', '-frames:v', String(frames)],
    ['-f', 'rawvideo', 'pipe:1'],
  ].flat();
  const times = new FrameTimes();
  const reader = new FrameReader(size.width * size.height * 3);
  let read = 0;
  await run(
    input.ffmpeg,
    arguments_,
    (chunk) => {
      for (const rgb of reader.add(chunk)) {
        onFrame(rgb);
        read += 1;
      }
    },
    (text) => times.add(text),
  );
  return Array.from({ length: read }, (_, index) => times.all[index] ?? index * intervalS);
}

/** Only files, and only in one format. */
function inputArguments({ path, format }: VideoInput): string[] {
  return ['-protocol_whitelist', 'file', '-f', format, '-i', path];
}

function besideFfmpeg(ffmpeg: string): string {
  const name = basename(ffmpeg).replace(/ffmpeg/i, 'ffprobe');
  return basename(ffmpeg) === ffmpeg ? name : join(dirname(ffmpeg), name);
}

type Child = ChildProcessByStdio<null, Readable, Readable>;

/** Runs a program to its end. What `onOutput` throws ends it. Throws `undecodable`, `unsupported_capability`. */
async function run(
  command: string,
  arguments_: readonly string[],
  onOutput: (chunk: Uint8Array) => void,
  onTold: (text: string) => void = () => undefined,
): Promise<void> {
  const child = start(command, arguments_);
  let told = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    onTold(text);
    told = (told + text).slice(-MAX_TOLD_CHARACTERS);
  });
  const ended = once(child, 'close') as Promise<[number | null, string | null]>;
  // It is awaited below, after its output.
  ended.catch(() => undefined);
  try {
    for await (const chunk of child.stdout as AsyncIterable<Uint8Array>) onOutput(chunk);
    const [code, signal] = await ended;
    if (code === 127 && /not found|No such file/i.test(told)) throw notInstalled(command);
    if (code !== 0) throw new VserveError('undecodable', `The video cannot be decoded: ${reasonOf(told, signal)}.`);
  } catch (error) {
    throw systemErrorCode(error) === 'ENOENT' ? notInstalled(command) : error;
  } finally {
    child.kill('SIGKILL');
  }
}

function start(command: string, arguments_: readonly string[]): Child {
  // Nothing of the server's environment is a decoder's business.
  const options = {
    env: { PATH: process.env['PATH'] ?? '', LC_ALL: 'C' },
    stdio: ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe'],
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL' as const,
    windowsHide: true,
  };
  if (process.platform === 'win32') return spawn(command, arguments_, options);
  return spawn('/bin/sh', ['-c', LIMITED, 'sh', command, ...arguments_], options);
}

function notInstalled(command: string): VserveError {
  const message = `Videos are decoded by FFmpeg, and ${JSON.stringify(basename(command))} was not found on this server. Install it (apt install ffmpeg, brew install ffmpeg) or name it with --ffmpeg; or send the video as GIF, or as a list of frames: {"type": "video", "video": [URL, …]}.`;
  return new VserveError('unsupported_capability', message);
}

/** FFmpeg's last line without the addresses and the path in it. */
function reasonOf(told: string, signal: string | null): string {
  if (signal !== null) return 'it takes too long or too much memory';
  const line = told.trim().split('\n').at(-1) ?? '';
  const plain = line.replaceAll(/\[[^\]]*@ 0x[0-9a-f]+\] ?|\/[^ :]*\/vserve-video-[^ :]*/g, '').replace(/\.$/, '');
  return plain === '' ? 'it is damaged' : plain.slice(0, 200);
}

/** Cuts a stream into frames of a fixed size, each in memory of its own. */
class FrameReader {
  readonly #frameBytes: number;
  #frame: Uint8Array<ArrayBuffer>;
  #filled = 0;

  constructor(frameBytes: number) {
    this.#frameBytes = frameBytes;
    this.#frame = new Uint8Array(frameBytes);
  }

  add(chunk: Uint8Array): Uint8Array<ArrayBuffer>[] {
    const whole: Uint8Array<ArrayBuffer>[] = [];
    for (let at = 0; at < chunk.length;) {
      const taken = chunk.subarray(at, at + this.#frameBytes - this.#filled);
      this.#frame.set(taken, this.#filled);
      this.#filled += taken.length;
      at += taken.length;
      if (this.#filled < this.#frameBytes) continue;
      whole.push(this.#frame);
      this.#frame = new Uint8Array(this.#frameBytes);
      this.#filled = 0;
    }
    return whole;
  }
}

/** The times of frames, from what the filter showinfo tells of each. */
class FrameTimes {
  readonly all: number[] = [];
  #rest = '';

  add(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = (lines.pop() ?? '').slice(-MAX_TOLD_CHARACTERS);
    for (const line of lines) {
      const time = /showinfo.* n: *\d+ .*pts_time:(-?[\d.]+)/.exec(line)?.[1];
      if (time !== undefined) this.all.push(Math.max(0, Number(time)));
    }
  }
}

interface Told {
  readonly streams?: readonly {
    readonly width?: number;
    readonly height?: number;
    readonly avg_frame_rate?: string;
    readonly r_frame_rate?: string;
    readonly duration?: string;
    readonly sample_aspect_ratio?: string;
    readonly side_data_list?: readonly { readonly rotation?: number }[];
    readonly tags?: { readonly rotate?: string };
  }[];
  readonly format?: { readonly duration?: string };
}

/** Throws `undecodable`. */
function factsOf(told: Told): VideoFacts {
  const [stream] = told.streams ?? [];
  if (stream === undefined) throw new VserveError('undecodable', 'The file has no video in it.');
  const { width = 0, height = 0, side_data_list: sides = [], tags } = stream;
  if (!(width > 0 && height > 0)) throw new VserveError('undecodable', 'The video states no size.');
  const aspect = ratio(stream.sample_aspect_ratio?.replace(':', '/'));
  const square = { width: Math.max(1, Math.round(width * (aspect > 0.01 && aspect < 100 ? aspect : 1))), height };
  const turn = sides.find(({ rotation }) => rotation !== undefined)?.rotation ?? Number(tags?.rotate ?? 0);
  const isTurned = Math.abs(turn) % 180 === 90;
  const durationS = [stream.duration, told.format?.duration].map(Number).find((seconds) => seconds > 0);
  if (durationS === undefined) throw new VserveError('undecodable', 'The video states no length.');
  const rate = [stream.avg_frame_rate, stream.r_frame_rate].map(ratio).find((each) => each > 0 && each <= MAX_RATE);
  return {
    width: isTurned ? square.height : square.width,
    height: isTurned ? square.width : square.height,
    durationS,
    framesPerSecond: rate ?? DEFAULT_RATE,
  };
}

/** `30000/1001` as a number; NaN for anything else. */
function ratio(text = ''): number {
  const [, above, below] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  return Number(above) / Number(below);
}
