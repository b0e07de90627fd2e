import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import backend from '../../../backends/node-llama-cpp/index.ts';
import type { Bitmap, FinishReason, JsonObject, LoadedModel } from '../../../src/backend/index.ts';
import { convertCheckpoint } from '../../../src/convert/index.ts';
import { defaultLoadSettings } from '../../../src/settings/index.ts';
import { referenceCheckpoints } from '../../reference/checkpoints.ts';
import { type SyntheticCheckpoint, writeCheckpoint } from '../../reference/write-checkpoint.ts';
import { greedy, greedyRequest } from '../greedy.ts';
import { faithfulCheckpoint, seeingNames } from '../seeing-checkpoints.ts';
import { trainedCheckpoint, trainedName } from '../trained-checkpoint.ts';
import { faultOf } from './check-answer.ts';
import { randomSchema } from './random-schemas.ts';
import { tekkenCheckpoint } from './tekken-checkpoint.ts';

const tekken = 'tekken-tiny';

/**
 * Tiny models whose tokenizers are SentencePiece, byte-level BPE, the same as Mistral's models on the Hub have it, and
 * Mistral's own tekken.json.
 */
export const schemaModels = [trainedName, 'qwen3-vl-tiny', 'pixtral-tiny', tekken] as const;

const { signal } = new AbortController();
const most = 600;
const onProgress = (): void => undefined;

/** A picture of 64 x 64 pixels. */
export const noise: Bitmap = {
  width: 64,
  height: 64,
  rgb: Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * 37) % 256),
  id: 'noise',
};

export interface TinyModel {
  readonly model: LoadedModel;
  readonly sees: boolean;
  readonly dispose: () => Promise<void>;
}

/** Converts a reference checkpoint and loads it for several answers at a time. */
export async function loadTiny(name: string, maxBatchSize: number): Promise<TinyModel> {
  const folder = await mkdtemp(join(tmpdir(), 'vserve-schemas-'));
  const sourceDir = join(folder, name);
  const sees = name === trainedName || seeingNames.includes(name);
  const checkpoint = checkpointOf(name);
  await writeCheckpoint(sourceDir, checkpoint);
  const outtype = name === trainedName ? 'bf16' : 'f32';
  const files = await convertCheckpoint({ sourceDir, destinationDir: folder, outtype, onProgress, signal });
  const settings = { ...defaultLoadSettings, devices: 'cpu', maxLength: 2048, maxBatchSize, threads: 1 };
  const model = await backend.load(files, settings, { onProgress, log: () => undefined, signal });
  const dispose = async (): Promise<void> => {
    await model.close();
    await rm(folder, { recursive: true, force: true });
  };
  return { model, sees, dispose };
}

function checkpointOf(name: string): SyntheticCheckpoint {
  if (name === trainedName) return trainedCheckpoint();
  if (name === tekken) return tekkenCheckpoint();
  const checkpoint = seeingNames.includes(name) ? faithfulCheckpoint(name) : referenceCheckpoints[name]?.checkpoint;
  if (checkpoint === undefined) throw new Error(`There is no checkpoint ${name}.`);
  return checkpoint;
}

export interface HeldAnswer {
  readonly schema: JsonObject;
  readonly text: string;
  readonly reason: FinishReason;
  /** What is wrong with it; undefined where nothing is. */
  readonly fault: string | undefined;
}

/** An answer that is held to the random schema of a seed: greedy, or drawn where `temperature` is 1. */
export async function answerBySchema(
  model: LoadedModel,
  seed: number,
  temperature: 0 | 1,
  image?: Bitmap,
  maxTokens = most,
): Promise<HeldAnswer> {
  const schema = randomSchema(seed);
  const picture = image === undefined ? [] : [{ type: 'image', image } as const];
  const request = {
    ...greedyRequest,
    messages: [{ role: 'user', content: [{ type: 'text', text: 'Describe it.' } as const, ...picture] }] as const,
    sampling: { ...greedy, temperature, seed },
    format: { type: 'json-schema', schema, param: 'schema' } as const,
    maxTokens,
  };
  let text = '';
  for await (const event of model.generate(request, new AbortController().signal)) {
    if (event.type === 'text-delta') text += event.text;
    if (event.type === 'finish')
      return { schema, text, reason: event.reason, fault: faultOf(schema, text, event.reason) };
  }
  throw new Error('The generation ended without a finish event.');
}
