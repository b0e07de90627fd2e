import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { crc32 } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { createMediaResolver } from '../../src/media/index.ts';
import type { MediaPart, MediaResolver, VideoAsk } from '../../src/media/index.ts';
import { frameCount, spreadEvenly } from '../../src/media/frame-count.ts';
import { mediaSettings } from '../server/support/settings.ts';

const media = createMediaResolver(mediaSettings());
afterAll(() => media.close());

const options = { param: 'messages[0].content[1]', signal: new AbortController().signal };
const dataUri = (bytes: Uint8Array): string => `data:;base64,${Buffer.from(bytes).toString('base64')}`;

function open(file: Uint8Array, asked: Omit<VideoAsk, 'kind'> = {}, by: MediaResolver = media) {
  return by.forRequest().open(dataUri(file), { kind: 'video', ...asked }, options);
}

/** `1.5 20x10 ff0000` of a frame. */
function shown(part: MediaPart): string {
  if (part.type === 'text') return part.text;
  const { width, height, rgb } = part.bitmap;
  return `${String(part.timeS)} ${width}x${height} ${Buffer.from(rgb.subarray(0, 3)).toString('hex')}`;
}

async function animation(kind: 'gif' | 'webp', delaysMs: readonly number[]): Promise<Buffer> {
  const colours = ['#ff0000', '#00ff00', '#0000ff', '#ffffff', '#000000'];
  const frames = delaysMs.map((_, index) =>
    sharp({ create: { width: 20, height: 10, channels: 3, background: colours[index % colours.length] ?? 'red' } })
      .png()
      .toBuffer(),
  );
  const joined = sharp(await Promise.all(frames), { join: { animated: true } });
  const delay = [...delaysMs];
  return kind === 'gif' ? joined.gif({ delay }).toBuffer() : joined.webp({ delay, lossless: true }).toBuffer();
}

interface PngFrame {
  readonly width: number;
  readonly height: number;
  readonly left?: number;
  readonly top?: number;
  readonly colour: string;
  /** 0 leaves it there, 1 clears its place, 2 brings back what was there. */
  readonly disposal?: number;
  readonly isOver?: boolean;
}

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type), data]);
  const ends = Buffer.alloc(8);
  ends.writeUInt32BE(data.length, 0);
  ends.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
}

function numbers(...values: readonly number[]): Buffer {
  const data = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => data.writeUInt32BE(value, index * 4));
  return data;
}

/** An animated PNG of half seconds, on a canvas as large as its first frame. */
async function animatedPng(frames: readonly PngFrame[], hasCover = false): Promise<Buffer> {
  let sequence = 0;
  const parts: Buffer[] = [];
  for (const [index, { width, height, left = 0, top = 0, colour, disposal = 0, isOver = false }] of frames.entries()) {
    const png = await sharp({ create: { width, height, channels: 4, background: colour } })
      .png()
      .toBuffer();
    const at = png.indexOf('IDAT');
    const pixels = png.subarray(at + 4, at + 4 + png.readUInt32BE(at - 4));
    const header = png.indexOf('IHDR');
    if (index === 0) parts.push(png.subarray(0, header + 21), chunk('acTL', numbers(frames.length, 0)));
    if (index === 0 && hasCover) parts.push(chunk('IDAT', pixels));
    const timing = Buffer.from([0, 1, 0, 2, disposal, isOver ? 1 : 0]);
    parts.push(chunk('fcTL', Buffer.concat([numbers(sequence++, width, height, left, top), timing])));
    if (index === 0 && !hasCover) parts.push(chunk('IDAT', pixels));
    else parts.push(chunk('fdAT', Buffer.concat([numbers(sequence++), pixels])));
  }
  return Buffer.concat([...parts, chunk('IEND', Buffer.alloc(0))]);
}

/** The rows of a frame in letters: red, blue, and a dot for white. */
function rows(part: MediaPart | undefined): string[] {
  if (part?.type !== 'image') return [];
  const { width, height, rgb } = part.bitmap;
  const letters = Array.from({ length: width * height }, (_, at) => {
    const [r = 0, g = 0, b = 0] = rgb.subarray(at * 3, at * 3 + 3);
    return g > 200 ? '.' : r > b ? 'r' : 'b';
  });
  return Array.from({ length: height }, (_, y) => letters.slice(y * width, (y + 1) * width).join(''));
}

/** Another byte in the last chunk of a type, so far behind its name. */
function changed(file: Buffer, type: string, behind: number, byte: number): Buffer {
  const copy = Buffer.from(file);
  copy[copy.lastIndexOf(type) + 4 + behind + 3] = byte;
  return copy;
}

describe('the number of frames', () => {
  const length = { durationS: 10, frames: 250 };
  it.each<[string, Omit<VideoAsk, 'kind'>, { durationS: number; frames: number }, number]>([
    ['two a second', {}, length, 20],
    ['what the server allows', {}, { durationS: 1000, frames: 25_000 }, 64],
    ['four of a short video', {}, { durationS: 1, frames: 25 }, 4],
    ['what there is', {}, { durationS: 10, frames: 3 }, 3],
    ['those asked for by rate', { framesPerSecond: 0.5 }, length, 5],
    ['those asked for by number', { frames: 7 }, length, 7],
    ['at most those asked for', { maxFrames: 6 }, length, 6],
    ['at least those asked for', { framesPerSecond: 0.1, minFrames: 9 }, length, 9],
    ['no more than the server allows, whatever is asked for', { frames: 100 }, length, 64],
  ])('is %s', (_, asked, of, count) => {
    expect(frameCount({ kind: 'video', ...asked }, of, 64)).toBe(count);
  });

  it('spreads them from the first to the last', () => {
    expect(spreadEvenly(4, 10)).toEqual([0, 3, 6, 9]);
    expect(spreadEvenly(1, 10)).toEqual([0]);
  });
});

describe('an animation', () => {
  it.each(['gif', 'webp'] as const)('is shown frame by frame, with their times: %s', async (kind) => {
    const parts = await open(await animation(kind, [500, 500, 1000, 500]));
    expect(parts.map(shown)).toEqual(['0 20x10 ff0000', '0.5 20x10 00ff00', '1 20x10 0000ff', '2 20x10 ffffff']);
  });

  it('is sampled, and cut to the part that is asked for', async () => {
    const file = await animation(
      'gif',
      Array.from({ length: 5 }, () => 1000),
    );
    expect((await open(file, { frames: 2 })).map(shown)).toEqual(['0 20x10 ff0000', '4 20x10 000000']);
    const part = await open(file, { startS: 1, endS: 3, frames: 2 });
    expect(part.map(shown)).toEqual(['1 20x10 00ff00', '2 20x10 0000ff']);
    await expect(open(file, { startS: 9 })).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('becomes pairs of frames where they are asked for, the last one alone', async () => {
    const file = await animation('gif', [500, 500, 500]);
    const parts = await open(file, { framesPerImage: 2 });
    expect(parts.map(shown)).toEqual(['0.25 20x10 ff0000', '1 20x10 0000ff']);
    expect(parts[0]).toMatchObject({ bitmap: { frames: 2, id: expect.stringMatching(/^[0-9a-f]{64}$/) as string } });
    const bytes = parts[0]?.type === 'image' ? parts[0].bitmap.rgb : new Uint8Array();
    expect([bytes.length, ...bytes.subarray(20 * 10 * 3, 20 * 10 * 3 + 3)]).toEqual([20 * 10 * 3 * 2, 0, 255, 0]);
    const sizes = await media.sizesForRequest().open(dataUri(file), { kind: 'video', framesPerImage: 2 }, options);
    expect(sizes.map(shown)).toEqual(['0.25 20x10 ', '1 20x10 ']);
  });

  it('has the same sizes and times where nothing is decoded', async () => {
    const file = dataUri(await animation('webp', [500, 500, 500]));
    const parts = await media.sizesForRequest().open(file, { kind: 'video' }, options);
    expect(parts.map(shown)).toEqual(['0 20x10 ', '0.5 20x10 ', '1 20x10 ']);
  });

  it('may be a still image', async () => {
    const file = await readFile(new URL('../fixtures/images/grey.png', import.meta.url));
    expect((await open(file)).map(shown)).toEqual([expect.stringMatching(/^0 83x61 /)]);
  });

  it('takes the memory of all frames up to the last that is shown', async () => {
    const small = createMediaResolver(mediaSettings({ maxImagePixels: 20 * 10 * 3 }));
    onTestFinished(() => small.close());
    const file = await animation('gif', [500, 500, 500, 500]);
    await expect(open(file, {}, small)).rejects.toMatchObject({ code: 'decode_too_large' });
    expect(await open(file, { endS: 1.5 }, small)).toHaveLength(3);
  });

  describe('in PNG', () => {
    const red = { width: 4, height: 2, colour: '#ff0000' };
    const dot = { width: 2, height: 1, left: 1, top: 1, colour: '#0000ff' };
    it('is shown with its times, each frame on what is left of those before', async () => {
      const parts = await open(
        await animatedPng([red, { ...dot, disposal: 2 }, { ...dot, left: 0, disposal: 1 }, dot]),
      );
      expect(parts.map((part) => part.type === 'image' && part.timeS)).toEqual([0, 0.5, 1, 1.5]);
      expect(parts.map(rows)).toEqual([
        ['rrrr', 'rrrr'],
        ['rrrr', 'rbbr'],
        ['rrrr', 'bbrr'],
        ['rrrr', '.bbr'],
      ]);
    });

    it('is on white where it is transparent, and drawn over by its alpha', async () => {
      const clear = { ...red, colour: '#00000000' };
      const parts = await open(await animatedPng([clear, { ...dot, isOver: true }, { ...clear, isOver: true }]));
      expect(parts.map(rows)).toEqual([
        ['....', '....'],
        ['....', '.bb.'],
        ['....', '.bb.'],
      ]);
    });

    it('may have a picture in front that is no part of it', async () => {
      const parts = await open(await animatedPng([red, dot], true));
      expect(parts.map(rows)).toEqual([
        ['rrrr', 'rrrr'],
        ['rrrr', 'rbbr'],
      ]);
    });

    it.each<[string, (file: Buffer) => Buffer]>([
      ['it ends in the middle', (file) => file.subarray(0, -30)],
      ['a frame lies outside of it', (file) => changed(file, 'fcTL', 4, 9)],
      ['cannot be decoded', (file) => changed(file, 'fdAT', 12, 0xff)],
    ])('is refused where %s', async (reason, spoil) => {
      await expect(open(spoil(await animatedPng([red, dot])))).rejects.toMatchObject({
        code: 'undecodable',
        message: expect.stringContaining(reason) as string,
      });
    });

    it('takes the memory of all frames up to the last that is shown', async () => {
      const small = createMediaResolver(mediaSettings({ maxImagePixels: 4 * 2 * 2 }));
      onTestFinished(() => small.close());
      const file = await animatedPng([red, dot, dot]);
      await expect(open(file, {}, small)).rejects.toMatchObject({ code: 'decode_too_large' });
      expect(await open(file, { endS: 1 }, small)).toHaveLength(2);
    });
  });

  it.each([
    ['nothing', Buffer.alloc(0), 'bad_data_uri'],
    ['a playlist', Buffer.from('#EXTM3U\nfile:///etc/passwd\n'), 'undecodable'],
    ['a list of files', Buffer.from("ffconcat version 1.0\nfile '/etc/passwd'\n"), 'undecodable'],
  ])('is not %s', async (_, file, code) => {
    await expect(open(file)).rejects.toMatchObject({ code, param: options.param });
  });
});

const mp4 = Buffer.from('\0\0\0\u0018ftypmp42', 'latin1');

/** Where programs in the place of FFmpeg's are: `ffprobe` tells of a video, `ffmpeg` writes frames of one colour. */
const programs = await mkdtemp(join(tmpdir(), 'stand-in-'));
const withPrograms = createMediaResolver(mediaSettings({ ffmpeg: join(programs, 'ffmpeg') }));
afterAll(async () => {
  await withPrograms.close();
  await rm(programs, { recursive: true });
});

/** Opens a video with these programs. */
async function openWith(
  scripts: { readonly ffprobe: string; readonly ffmpeg: string },
  asked: Omit<VideoAsk, 'kind'> = {},
  resolver = withPrograms,
): Promise<readonly MediaPart[]> {
  for (const [name, script] of Object.entries(scripts)) {
    const path = join(programs, name);
    await writeFile(path, `#!/bin/sh\necho "$@" > '${path}.arguments'\n${script}\n`);
    await chmod(path, 0o700);
  }
  return open(mp4, asked, resolver);
}

const argumentsOf = (name: string): Promise<string> => readFile(join(programs, `${name}.arguments`), 'utf8');

const told = (stream: object) =>
  `echo '${JSON.stringify({ streams: [{ width: 4, height: 2, avg_frame_rate: '2/1', duration: '2.0', ...stream }] })}'`;

const frame = (hex: string) =>
  `printf '${hex.replaceAll(/../g, (byte) => `\\${Number.parseInt(byte, 16).toString(8)}`).repeat(8)}'`;
const time = (index: number, seconds: number) =>
  `echo '[Parsed_showinfo_1 @ 0x5] n:   ${index} pts:  1 pts_time:${seconds}     duration: 1' >&2`;

// The limits are set by a shell.
describe.skipIf(process.platform === 'win32')('a video that FFmpeg decodes', () => {
  it('has the frames and times that it gives', async () => {
    const ffmpeg = [time(0, 0), frame('ff0000'), time(1, 1.4), frame('00ff00')].join('\n');
    const parts = await openWith({ ffprobe: told({}), ffmpeg }, { frames: 2, startS: 0.5 });
    expect(parts.map(shown)).toEqual(['0.5 4x2 ff0000', '1.9 4x2 00ff00']);
    const given = await argumentsOf('ffmpeg');
    expect(given).toMatch(/-ss 0\.500 .*-protocol_whitelist file -f mov -i .*-frames:v 2 -f rawvideo/);
    // Nothing is left of the file.
    const [, folder = ''] = /-i (.*)\/video /.exec(given) ?? [];
    expect([basename(folder).startsWith('vserve-video-'), existsSync(folder)]).toEqual([true, false]);
  });

  it('is shown turned, in square pixels, and not larger than models look at', async () => {
    const stream = { width: 1000, height: 1000, sample_aspect_ratio: '2:1', side_data_list: [{ rotation: -90 }] };
    await expect(openWith({ ffprobe: told(stream), ffmpeg: '' })).rejects.toMatchObject({
      code: 'undecodable',
      message: expect.stringContaining('no frame') as string,
    });
    expect(await argumentsOf('ffmpeg')).toContain('scale=548:1098');
  });

  it('has the same sizes where nothing is decoded', async () => {
    await openWith({ ffprobe: told({}), ffmpeg: frame('ff0000') });
    const parts = await withPrograms.sizesForRequest().open(dataUri(mp4), { kind: 'video', frames: 3 }, options);
    expect(parts.map(shown)).toEqual(['0 4x2 ', '0.75 4x2 ', '1.5 4x2 ']);
  });

  it.each<[string, object, Omit<VideoAsk, 'kind'>, string, RegExp]>([
    ['too long', { duration: '61' }, {}, 'decode_too_large', /61 s.*limit of this server is 60 s.*video_start/],
    ['too large', { width: 100_000, height: 101 }, {}, 'decode_too_large', /100000x101.*--max-image-pixels/],
    ['without a length', { duration: 'N/A' }, {}, 'undecodable', /no length/],
    ['without a size', { width: 0 }, {}, 'undecodable', /no size/],
    ['over before it begins', {}, { startS: 5 }, 'invalid_request', /2 s long: there is nothing at 5 s/],
  ])('is refused if it is %s', async (_, stream, asked, code, message) => {
    await expect(openWith({ ffprobe: told(stream), ffmpeg: 'exit 1' }, asked)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    });
  });

  it.each([
    ['echo "{}"', '', /no video in it/],
    ['echo "moov atom not found" >&2; exit 1', '', /moov atom not found/],
    ['kill -9 $$', '', /too long or too much/],
    ['yes', '', /too much of itself/],
    [told({}), 'echo "[h264 @ 0x55aa55aa] no frame!" >&2; exit 1', /decoded: no frame!/],
  ])('that cannot be read is refused with the reason: %s', async (ffprobe, ffmpeg, message) => {
    await expect(openWith({ ffprobe, ffmpeg })).rejects.toMatchObject({
      code: 'undecodable',
      param: options.param,
      message: expect.stringMatching(message) as string,
    });
  });

  it('ends where its frames take too much', async () => {
    const small = createMediaResolver(mediaSettings({ ffmpeg: join(programs, 'ffmpeg'), maxMediaBytes: 24 }));
    onTestFinished(() => small.close());
    const endless = { ffprobe: told({}), ffmpeg: 'while :; do printf aaaaaaaaaaaaaaaaaaaaaaaa; done' };
    await expect(openWith(endless, {}, small)).rejects.toMatchObject({ code: 'decode_too_large' });
  });
});

const hasFfmpeg = spawnSync('ffmpeg', ['-version']).status === 0;

describe.skipIf(!hasFfmpeg)('a real video', () => {
  it.each(['mp4', 'mkv', 'ts'])('is shown with the times of its frames: %s', async (container) => {
    const folder = await mkdtemp(join(tmpdir(), 'video-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const path = join(folder, `a.${container}`);
    const source =
      'color=red:s=64x48:r=10:d=1,format=yuv420p[a];color=blue:s=64x48:r=10:d=1,format=yuv420p[b];[a][b]concat';
    const made = spawnSync('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', source, '-threads', '1', path]);
    expect(made.stderr.toString()).toBe('');
    const parts = await open(await readFile(path), { frames: 3 });
    expect(parts.map((part) => shown(part).replace(/ \w+$/, ''))).toEqual(
      ['0 64x48', '0.9 64x48', '1.9 64x48'].map(
        (each) => expect.stringMatching(new RegExp(`^${each.replace(/^0\.9/, '(0.9|1)')}`)) as string,
      ),
    );
    const [first, , last] = parts.map((part) => (part.type === 'image' ? [...part.bitmap.rgb.subarray(0, 3)] : []));
    expect([(first?.[0] ?? 0) > 200, (last?.[2] ?? 0) > 200]).toEqual([true, true]);
  });
});
