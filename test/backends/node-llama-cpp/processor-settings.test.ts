import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { expect, test } from 'vitest';
import { bitmapOf, oddConversations } from '../../engine/conversations.ts';
import { denormalizer, joined, loadFaithful } from '../../engine/faithful-model.ts';
import type { ProcessorReference } from '../../engine/faithful-model.ts';
import { greedyRequest } from '../../engine/greedy.ts';
import { faithfulCheckpoint, seeingCheckpoint } from '../../engine/seeing-checkpoints.ts';
import { fixture } from '../../reference/checkpoints.ts';
import type { Bitmap, ContentPart } from '../../../src/backend/index.ts';
import type { SyntheticCheckpoint } from '../../reference/write-checkpoint.ts';

type Json = Record<string, unknown>;

const preprocessor = 'preprocessor_config.json';

interface Case {
  readonly checkpoint: string;
  readonly file: string;
  readonly change: Json;
  readonly images: readonly {
    readonly width: number;
    readonly height: number;
    readonly inputs: readonly (readonly [width: number, height: number])[];
    /** Of each input's bytes; undefined where the processor does not resize as Pillow does. */
    readonly sha256?: readonly string[];
  }[];
}

/** What transformers' image processors make of images when they are set up so, by `processor-settings.py`. */
const cases = JSON.parse(readFileSync(fixture('processor-settings.json'), 'utf8')) as readonly Case[];

function changed(checkpoint: SyntheticCheckpoint, file: string, change: Json): SyntheticCheckpoint {
  const own = checkpoint.files[file] ?? {};
  const settings = (typeof own === 'string' || Buffer.isBuffer(own) ? JSON.parse(own.toString()) : own) as Json;
  return { ...checkpoint, files: { ...checkpoint.files, [file]: { ...settings, ...change } } };
}

/** Waves and edges: the same as `processor-settings.py` makes. */
function pictureOf(width: number, height: number): Bitmap {
  const rgb = Buffer.alloc(width * height * 3);
  for (let i = 0; i < rgb.length; i++) {
    const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
    rgb[i] = x * 7 + y * 13 + (i % 3) * 50 + ((x * y) >> 3);
  }
  return { width, height, rgb, id: `${width} × ${height}` };
}

test.each(cases)(
  '$checkpoint prepares images by its own settings: $change',
  async ({ checkpoint: name, file, change, images }) => {
    const loaded = await loadFaithful(name, undefined, changed(seeingCheckpoint(name), file, change));
    const bytesOf = denormalizer(name);
    for (const { width, height, inputs, sha256 } of images) {
      const seen = await loaded.model.inspectImage(pictureOf(width, height));
      expect(seen.map((input) => [input.width, input.height])).toEqual(inputs);
      const hashes = seen.map((input) => createHash('sha256').update(bytesOf(input)).digest('hex'));
      if (sha256 !== undefined) expect(hashes).toEqual(sha256);
    }
    await loaded.dispose();
  },
);

test.each([
  ['qwen3-vl-tiny', { min_pixels: 4096, max_pixels: 1_310_720 }, 3000, 2000, 1247],
  ['qwen3-vl-tiny', { min_pixels: 4096, max_pixels: 1_310_720 }, 37, 500, 16],
  ['qwen2-vl-tiny', { max_pixels: 1_048_576 }, 3000, 2000, 1276],
  ['idefics3-tiny', { do_image_splitting: false }, 640, 480, 4],
] as const)('%s with %j has %i × %i pixels in %i tokens', async (name, change, width, height, tokens) => {
  const checkpoint = changed(faithfulCheckpoint(name), 'preprocessor_config.json', { size: undefined, ...change });
  const loaded = await loadFaithful(name, undefined, checkpoint);
  const content = [{ type: 'image', image: bitmapOf({ width, height, seed: 1 }) }] as const;
  const prompt = joined(await loaded.model.inspectPrompt([{ role: 'user', content }]));
  expect(prompt.filter((run) => typeof run !== 'number')).toEqual([[tokens]]);
  await loaded.dispose();
});

interface Variant extends Pick<ProcessorReference, 'prompts'> {
  readonly change: Json;
}

/** What transformers' processor and model make of conversations with a changed checkpoint, by `compare-transformers.py`. */
const variants = readdirSync(fixture('processor-variants')).map((file): [string, Variant] => [
  basename(file, '.json'),
  JSON.parse(readFileSync(fixture(`processor-variants/${file}`), 'utf8')) as Variant,
]);

test.each(variants)('%s reads and answers as transformers does with $change', async (name, variant) => {
  const checkpoint = changed(faithfulCheckpoint(name), preprocessor, variant.change);
  const loaded = await loadFaithful(name, undefined, checkpoint);
  for (const [i, messages] of oddConversations.entries()) {
    const { tokens, logits: expected = [] } = variant.prompts[i] ?? {};
    expect(joined(await loaded.model.inspectPrompt(messages))).toEqual(tokens);
    const request = { messages, ...greedyRequest, maxTokens: 1, ignoreEos: true };
    const own = await loaded.model.firstLogits(request, expected.length);
    for (const [rank, [, logit]] of expected.entries()) {
      expect(Math.abs((own[rank]?.logit ?? Infinity) - logit)).toBeLessThan(0.02);
    }
  }
  await loaded.dispose();
});

const croppedPrompts = JSON.parse(readFileSync(fixture('cropped-prompts.json'), 'utf8')) as {
  readonly settings: Json;
  readonly conversations: readonly {
    readonly parts: readonly (string | [number, number])[];
    readonly tokens: unknown;
  }[];
};

const contentOf = (parts: readonly (string | readonly [number, number])[]): ContentPart[] =>
  parts.map((part) =>
    typeof part === 'string' ? { type: 'text', text: part } : { type: 'image', image: pictureOf(...part) },
  );

test('crops stand in the prompt as Gemma 3’s processor writes them, and are seen', async () => {
  const checkpoint = changed(seeingCheckpoint('shapes-vlm'), preprocessor, croppedPrompts.settings);
  const loaded = await loadFaithful('shapes-vlm', undefined, checkpoint);
  for (const { parts, tokens } of croppedPrompts.conversations) {
    const messages = [{ role: 'user' as const, content: contentOf(parts) }];
    expect(joined(await loaded.model.inspectPrompt(messages))).toEqual(tokens);
    const request = { messages, ...greedyRequest, maxTokens: 1, ignoreEos: true };
    expect(await loaded.model.firstLogits(request, 1)).toHaveLength(1);
  }
  await loaded.dispose();
});

test('an image that its processor would have to resize is refused by what it takes', async () => {
  const checkpoint = changed(faithfulCheckpoint('qwen2-vl-tiny'), preprocessor, { do_resize: false });
  const loaded = await loadFaithful('qwen2-vl-tiny', undefined, checkpoint);
  const tokensOf = async (width: number, height: number): Promise<unknown> => {
    const prompt = await loaded.model.inspectPrompt([{ role: 'user', content: contentOf([[width, height]]) }]);
    return joined(prompt).filter((run) => typeof run !== 'number');
  };
  expect(await tokensOf(280, 168)).toEqual([[60]]);
  await expect(tokensOf(280, 170)).rejects.toMatchObject({
    code: 'undecodable',
    message: expect.stringContaining(
      'set up not to resize images, and takes only sides that are multiples of 28',
    ) as string,
  });
  await loaded.dispose();
});

test('what is not followed is told whenever the model is loaded', async () => {
  const warnings: string[] = [];
  const checkpoint = changed(faithfulCheckpoint('qwen2-vl-tiny'), preprocessor, { resample: 5 });
  const loaded = await loadFaithful('qwen2-vl-tiny', undefined, checkpoint, (level, message) => {
    if (level === 'warning') warnings.push(message);
  });
  await loaded.dispose();
  expect(warnings).toContain('preprocessor_config.json: resample is 5, but images are prepared as with 3.');
});

test('a projector with an impossible setting is refused by the name of its key', async () => {
  const key = 'clip.vision.preproc_max_tiles';
  const checkpoint = changed(seeingCheckpoint('minicpm-v-4.6-tiny'), 'preprocessor_config.json', { max_slice_nums: 4 });
  const spoil = async (mmprojPath: string): Promise<void> => {
    const file = await readFile(mmprojPath);
    // The value follows the key's name and the number of its type.
    file.writeUInt32LE(1_000_000, file.indexOf(key) + key.length + 4);
    await writeFile(mmprojPath, file);
  };
  await expect(loadFaithful('minicpm-v-4.6-tiny', spoil, checkpoint)).rejects.toMatchObject({
    code: 'model_load_failed',
    message: expect.stringContaining(`${key} 1000000, which must be 1 to 1024`) as string,
  });
});
