import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { videoPerceptionOf } from '../../../backends/node-llama-cpp/video-perception.ts';
import type { ContentPart, GenerateRequest, VideoPerception } from '../../../src/backend/index.ts';
import type { MediaPart } from '../../../src/media/index.ts';
import { mergeFrames } from '../../../src/media/merge-frames.ts';
import { openedParts } from '../../../src/server/video-parts.ts';
import { joined, loadFaithful } from '../../engine/faithful-model.ts';
import type { FaithfulModel } from '../../engine/faithful-model.ts';
import { greedyRequest } from '../../engine/greedy.ts';
import { fixture } from '../../reference/checkpoints.ts';

/** What transformers makes of a video, by `compare-transformers.py --videos`. */
interface VideoReference {
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  readonly prompt: {
    readonly tokens: readonly (number | readonly [number])[];
    readonly logits: readonly (readonly [token: number, logit: number])[];
  };
}

const logitTolerance = 0.05;
const framesPerSecond = 2;
const reference = { type: 'video', url: '', param: 'video' } as const;

/** Stripes that move, as in `test/reference/videos.py`. */
function framesOf({ width, height, frames }: VideoReference): MediaPart[] {
  return Array.from({ length: frames }, (_, frame) => {
    const rgb = Uint8Array.from({ length: width * height * 3 }, (_, at) => {
      const [channel, x, y] = [at % 3, Math.floor(at / 3) % width, Math.floor(at / 3 / width)];
      return (5 * x + 3 * y + 80 * channel + 45 * frame) % 256;
    });
    const bitmap = { width, height, rgb, id: `stripes ${String(frame)}` };
    return { type: 'image', bitmap, timeS: frame / framesPerSecond };
  });
}

/** What a request becomes that shows the frames as the model sees videos. */
function asking(frames: readonly MediaPart[], video: VideoPerception | undefined, cacheSalt = ''): GenerateRequest {
  const merged = mergeFrames(frames, video?.framesPerImage ?? 1);
  const content = openedParts(merged, reference, video).flatMap((part): ContentPart[] => {
    if (part.type === 'text') return [part];
    if (part.type !== 'image' || part.bitmap === undefined) return [];
    const { bitmap: image, videoPosition } = part;
    return [{ type: 'image', image, ...(videoPosition === undefined ? {} : { videoPosition }) }];
  });
  const messages = [{ role: 'user' as const, content: [...content, { type: 'text' as const, text: 'What moves?' }] }];
  return { messages, ...greedyRequest, maxTokens: 4, ignoreEos: true, cacheSalt };
}

const names = readdirSync(fixture('videos')).map((file) => basename(file, '.json'));

describe.each(names)('%s', (name) => {
  const described = JSON.parse(readFileSync(fixture(`videos/${name}.json`), 'utf8')) as VideoReference;
  let loaded: FaithfulModel;
  beforeAll(async () => {
    loaded = await loadFaithful(name);
  });
  afterAll(() => loaded.dispose());

  it('sees a video as transformers shows it, two frames at once', async () => {
    const { model } = loaded;
    expect(model.info.video).toMatchObject({ framesPerImage: 2 });
    const request = asking(framesOf(described), model.info.video);
    expect(joined(await model.inspectRequest(request))).toEqual(described.prompt.tokens);
    const own = await model.firstLogits(request, described.prompt.logits.length);
    for (const [rank, [, logit]] of described.prompt.logits.entries()) {
      expect(Math.abs((own[rank]?.logit ?? Infinity) - logit)).toBeLessThan(logitTolerance);
    }
  });

  it('goes on after a video as without a cache', async () => {
    const { model } = loaded;
    const frames = framesOf(described);
    const answer = async (request: GenerateRequest): Promise<[text: string, cached: number, images: number]> => {
      let text = '';
      for await (const event of model.generate(request, new AbortController().signal)) {
        if (event.type === 'text-delta') text += event.text;
        if (event.type === 'finish') return [text, event.usage.cachedTokens, event.usage.imageTokens ?? 0];
      }
      throw new Error('There was no end.');
    };
    const { video } = model.info;
    const [first, , images] = await answer(asking(frames, video));
    const [again, cached] = await answer(asking(frames, video));
    expect(again).toBe(first);
    expect(cached).toBeGreaterThanOrEqual(images);
    // Another end is no more than its beginning in the cache.
    const shorter = asking(frames.slice(0, 4), video);
    const [text, held] = await answer(shorter);
    expect(held).toBeLessThan(images);
    expect(text).toBe((await answer({ ...shorter, cacheSalt: 'apart' }))[0]);
  });
});

it('only models with patches of two frames are shown pairs', () => {
  expect(videoPerceptionOf('gemma4v')).toBeUndefined();
  expect(videoPerceptionOf('pixtral')).toBeUndefined();
});
