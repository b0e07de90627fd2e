import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import backend from '../../backends/node-llama-cpp/index.ts';
import { LoadedLlama } from '../../backends/node-llama-cpp/loaded-llama.ts';
import type { EncoderInput, PromptRun } from '../../backends/node-llama-cpp/native-addon.ts';
import type { LoadSettings } from '../../src/backend/index.ts';
import { convertCheckpoint } from '../../src/convert/index.ts';
import { writeCheckpoint } from '../reference/write-checkpoint.ts';
import type { Picture } from './conversations.ts';
import { faithfulCheckpoint, seeingCheckpoint } from './seeing-checkpoints.ts';
import { trainedName } from './trained-checkpoint.ts';
import { defaultLoadSettings } from '../../src/settings/index.ts';

/** What transformers makes of a checkpoint, by `test/reference/compare-transformers.py`. */
export interface ProcessorReference {
  readonly pictures: readonly (Picture & { readonly inputs: readonly ReferenceInput[] })[];
  readonly prompts: readonly {
    /** Token ids, and in brackets how many stand for an image. */
    readonly tokens: readonly (number | readonly [number])[];
    /** The greatest of the first token, the greatest first; undefined where transformers has no class for the model. */
    readonly logits?: readonly (readonly [token: number, logit: number])[];
  }[];
}

/** What an image processor puts before the encoder. */
export interface ReferenceInput {
  readonly width: number;
  readonly height: number;
  /** Bytes of R G B, evenly spread over the image, the first and the last among them. */
  readonly sample: readonly number[];
  /** Of all of them; undefined where the processor does not resize as Pillow does. */
  readonly sha256?: string;
}

export interface FaithfulModel {
  readonly model: LoadedLlama;
  /** Closes the model and removes its files. */
  dispose(): Promise<void>;
}

const onProgress = (): void => undefined;

/**
 * Converts a faithful checkpoint and loads it, in float32 wherever that is possible. `change` may change the mmproj's file
 * in between; `checkpoint` may be one of that name with changes; `log` receives what loading has to say; `settings` go before
 * those that are usual.
 */
export async function loadFaithful(
  name: string,
  change?: (mmprojPath: string) => Promise<void>,
  checkpoint = faithfulCheckpoint(name),
  log: (level: string, message: string) => void = () => undefined,
  settings: Partial<LoadSettings> = {},
): Promise<FaithfulModel> {
  const folder = await mkdtemp(join(tmpdir(), 'vserve-faithful-'));
  const sourceDir = join(folder, name);
  const { signal } = new AbortController();
  await writeCheckpoint(sourceDir, checkpoint);
  const { modelPath, mmprojPath } = await convertCheckpoint({
    sourceDir,
    destinationDir: folder,
    outtype: 'f32',
    onProgress,
    signal,
  });
  if (mmprojPath !== undefined) await change?.(mmprojPath);
  const model = await backend.load(
    { modelPath, mmprojPath },
    {
      ...defaultLoadSettings,
      devices: 'cpu',
      // The trained one knows no more.
      maxLength: name === trainedName ? 2048 : 8192,
      maxBatchSize: 1,
      // With more, so small a model mostly waits for them.
      threads: 1,
      mmprojEncoding: 'original',
      kvCacheFormat: 'f32',
      flashAttention: 'off',
      ...settings,
    },
    { onProgress, log, signal },
  );
  if (!(model instanceof LoadedLlama)) throw new Error('not a model of node-llama-cpp');
  return {
    model,
    dispose: async () => {
      await model.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Undoes the normalization of a checkpoint's image processor: gives the R G B bytes that it was given. */
export function denormalizer(name: string): (input: EncoderInput) => Uint8Array {
  const preprocessor = seeingCheckpoint(name).files['preprocessor_config.json'];
  const { image_mean: mean, image_std: deviation } = preprocessor as Record<string, readonly number[]>;
  return ({ pixels }) => {
    const bytes = new Uint8Array(pixels.length);
    for (let channel = 0; channel < 3; channel++) {
      const scale = (deviation?.[channel] ?? 0) * 255;
      const offset = (mean?.[channel] ?? 0) * 255;
      for (let i = channel; i < bytes.length; i += 3) bytes[i] = Math.round((pixels[i] ?? 0) * scale + offset);
    }
    return bytes;
  };
}

/** As many bytes, evenly spread, the first and the last among them. */
export function sampleOf(bytes: Uint8Array, count: number): number[] {
  return Array.from({ length: count }, (_, i) => bytes[roundHalfToEven((i * (bytes.length - 1)) / (count - 1))] ?? -1);
}

function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  return value - floor === 0.5 ? floor + (floor % 2) : Math.round(value);
}

/** The runs of a prompt as the reference has them: images that nothing stands between are one. */
export function joined(runs: readonly PromptRun[]): (number | [number])[] {
  const tokens: (number | [number])[] = [];
  for (const run of runs) {
    const last = tokens.at(-1);
    if (typeof run !== 'number') tokens.push(...run);
    else if (typeof last === 'object') last[0] += run;
    else tokens.push([run]);
  }
  return tokens;
}
