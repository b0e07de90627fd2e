import type { FrameSampling, MediaReference } from '../parsed-request.ts';
import { framesInUri } from './frame-list-uri.ts';
import { readImageData, readImageUrl } from './image-url.ts';
import { contradiction, invalid, show } from './invalid-request.ts';
import type { JsonObject, KeyTable, ReadOptions } from './json-object.ts';
import { isJsonObject, readKeys, unsupported } from './json-object.ts';
import type { LongText } from './long-text.ts';
import { anything, isOneOf, never } from './values.ts';

type Url = string | LongText;

/** Of vLLM, Qwen and transformers. */
const SAMPLING_KEYS = {
  fps: 'read',
  num_frames: 'read',
  nframes: 'read',
  min_frames: 'read',
  max_frames: 'read',
  video_start: 'read',
  video_end: 'read',
} as const satisfies KeyTable;

const OTHER_KEYS = {
  detail: isOneOf('auto'),
  format: anything,
  media_type: anything,
  mime_type: anything,
  // A frame has as many pixels as the server gives it.
  max_pixels: never,
  min_pixels: never,
  total_pixels: never,
  resized_height: never,
  resized_width: never,
} as const satisfies KeyTable;

export const VIDEO_PART_KEYS = {
  ...SAMPLING_KEYS,
  ...OTHER_KEYS,
  type: 'read',
  video_url: 'read',
  input_video: 'read',
  video: 'read',
  // Of a list of frames.
  sample_fps: 'read',
  cache_control: anything,
  id: anything,
  uuid: anything,
} as const satisfies KeyTable;

export const VIDEO_OBJECT_KEYS = {
  ...SAMPLING_KEYS,
  ...OTHER_KEYS,
  url: 'read',
  data: 'read',
} as const satisfies KeyTable;

type SamplingKeys = { readonly [Key in keyof typeof SAMPLING_KEYS]?: unknown };

const MAX_FRAMES_PER_SECOND = 120;
const MAX_COUNT = 100_000;
const MAX_SECONDS = 1e6;

/**
 * Reads a video: vLLM's `video_url`, llama-server's `input_video`, or Qwen's `video`, which may be a list of frames. Throws
 * `invalid_request`, `unsupported_parameter`, `too_many_images`.
 */
export function readVideoPart(part: JsonObject, param: string, options: ReadOptions): MediaReference {
  const {
    video_url,
    input_video,
    video,
    type,
    sample_fps: sampleRate,
    ...keys
  } = readKeys(part, param, VIDEO_PART_KEYS, options);
  const [place, second] = Object.entries({ video_url, input_video, video }).filter(([, value]) => value !== undefined);
  if (place === undefined) {
    const expected = `${param}.${String(type)}`;
    throw invalid(expected, `${expected} must be a URL of a video (http, https, data or file), not nothing.`);
  }
  if (second !== undefined) throw contradiction(`${param}.${place[0]}`, `${param}.${second[0]}`);
  const [key, value] = place;
  const path = `${param}.${key}`;
  if (Array.isArray(value)) return frameList(value, { ...keys, sample_fps: sampleRate }, path, param);
  if (sampleRate !== undefined) throw unsupported(`${param}.sample_fps`, sampleRate, 'Send fps, or a list of frames.');
  const { url, sampling } = readVideo(value, path, options);
  const frames = framesInUri(url, path);
  if (frames !== undefined) return frameList(frames, keys, path, param);
  return { type: 'video', url, param, ...merged(readSampling(keys, param), sampling, param, path) };
}

function readVideo(value: unknown, path: string, options: ReadOptions): { url: Url; sampling: FrameSampling } {
  if (!isJsonObject(value)) return { url: readVideoUrl(value, path), sampling: {} };
  const { url, data, ...keys } = readKeys(value, path, VIDEO_OBJECT_KEYS, options);
  if (url !== undefined && data !== undefined) throw contradiction(`${path}.url`, `${path}.data`);
  const sampling = readSampling(keys, path);
  return data === undefined
    ? { url: readVideoUrl(url, `${path}.url`), sampling }
    : { url: readImageData(data, `${path}.data`), sampling };
}

function readVideoUrl(value: unknown, path: string): Url {
  if (value === undefined || value === '' || isJsonObject(value) || Array.isArray(value)) {
    throw invalid(path, `${path} must be a URL of a video (http, https, data or file), not ${show(value)}.`);
  }
  return readImageUrl(value, path);
}

/** All frames of a list, with their rate if that is told. */
function frameList(
  frames: readonly unknown[],
  { fps, sample_fps: sampleRate, ...others }: SamplingKeys & { readonly sample_fps?: unknown },
  path: string,
  param: string,
): MediaReference {
  if (frames.length === 0) throw invalid(path, `${path} must have at least one frame.`);
  const [other] = Object.entries(others).filter(([, value]) => value !== undefined);
  if (other !== undefined) throw unsupported(`${param}.${other[0]}`, other[1], 'All frames of a list are shown.');
  if (fps !== undefined && sampleRate !== undefined) throw contradiction(`${param}.fps`, `${param}.sample_fps`);
  const key = fps === undefined ? 'sample_fps' : 'fps';
  const framesPerSecond = readNumber(fps ?? sampleRate, `${param}.${key}`, MAX_FRAMES_PER_SECOND);
  const references = frames.map((frame, index) => {
    const place = `${path}[${String(index)}]`;
    return { type: 'image' as const, url: readImageUrl(frame, place), param: place };
  });
  return { type: 'frames', frames: references, framesPerSecond, param };
}

function readSampling(keys: SamplingKeys, path: string): FrameSampling {
  const { num_frames, nframes, video_start: start, video_end: end } = keys;
  if (num_frames !== undefined && nframes !== undefined) throw contradiction(`${path}.num_frames`, `${path}.nframes`);
  const countKey = num_frames === undefined ? 'nframes' : 'num_frames';
  const sampling = {
    framesPerSecond: readNumber(keys.fps, `${path}.fps`, MAX_FRAMES_PER_SECOND),
    frames: readCount(num_frames ?? nframes, `${path}.${countKey}`),
    minFrames: readCount(keys.min_frames, `${path}.min_frames`),
    maxFrames: readCount(keys.max_frames, `${path}.max_frames`),
    startS: readNumber(start, `${path}.video_start`, MAX_SECONDS, 0),
    endS: readNumber(end, `${path}.video_end`, MAX_SECONDS),
  };
  if (sampling.framesPerSecond !== undefined && sampling.frames !== undefined) {
    throw contradiction(`${path}.fps`, `${path}.${countKey}`);
  }
  if ((sampling.minFrames ?? 1) > (sampling.maxFrames ?? MAX_COUNT)) {
    throw invalid(`${path}.min_frames`, `${path}.min_frames must not be above max_frames.`);
  }
  if ((sampling.startS ?? 0) >= (sampling.endS ?? Infinity)) {
    throw invalid(`${path}.video_end`, `${path}.video_end must be behind video_start.`);
  }
  return sampling;
}

/** What the part says and what its URL object says, as one. */
function merged(outer: FrameSampling, inner: FrameSampling, param: string, path: string): FrameSampling {
  const given = [...settingsOf(outer), ...settingsOf(inner)];
  if (new Set(given.map(([name]) => name)).size < given.length) throw contradiction(param, path);
  return Object.fromEntries(given);
}

function settingsOf(sampling: FrameSampling): [name: string, value: number | undefined][] {
  return Object.entries(sampling).filter(([, value]) => value !== undefined);
}

function readNumber(value: unknown, path: string, max: number, min?: number): number | undefined {
  if (value === undefined) return undefined;
  const isLargeEnough = typeof value === 'number' && (min === undefined ? value > 0 : value >= min);
  if (isLargeEnough && value <= max) return value;
  const range = min === undefined ? `above 0, and at most ${String(max)}` : `from ${String(min)} to ${String(max)}`;
  throw invalid(path, `${path} must be a number ${range}, not ${show(value)}.`);
}

function readCount(value: unknown, path: string): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MAX_COUNT) return value;
  throw invalid(path, `${path} must be an integer from 1 to ${String(MAX_COUNT)}, not ${show(value)}.`);
}
