import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
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

  it('is not an animated PNG, of which only a part would be seen', async () => {
    const png = await sharp({ create: { width: 2, height: 2, channels: 3, background: 'red' } })
      .png()
      .toBuffer();
    const control = Buffer.from('000000086163544c0000000200000000f38d9370', 'hex');
    const at = png.indexOf('IDAT') - 4;
    await expect(open(Buffer.concat([png.subarray(0, at), control, png.subarray(at)]))).rejects.toMatchObject({
      code: 'undecodable',
      message: expect.stringContaining('animated PNG') as string,
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
