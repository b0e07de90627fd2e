import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getLlama, type LlamaModel } from 'node-llama-cpp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadNativeAddon } from '../../../backends/node-llama-cpp/addon-loader.ts';
import { dryRun } from '../../../backends/node-llama-cpp/dry-run.ts';
import type { NativeAddon, NativeEngineOptions } from '../../../backends/node-llama-cpp/native-addon.ts';
import { convertCheckpoint } from '../../../src/convert/index.ts';
import { bitmapOf } from '../../engine/conversations.ts';
import { seeingCheckpoint } from '../../engine/seeing-checkpoints.ts';
import { writeCheckpoint } from '../../reference/write-checkpoint.ts';

const { signal } = new AbortController();

const options: Omit<NativeEngineOptions, 'mmprojPath' | 'encoderBytes'> = {
  imagePlacement: undefined,
  endTokens: [],
  contextCells: 4096,
  separateCells: false,
  maxLength: 4096,
  maxSequences: 1,
  batchTokens: 64,
  threads: 1,
  threadsBatch: 1,
  threadsAdapt: false,
  threadsBatchAdapt: false,
  throttleCounter: undefined,
  cpus: 1,
  useGpu: false,
  imageDefaults: {},
  largestImage: {},
  maxImageTokens: undefined,
  flashAttention: 'auto',
  encoderFlashAttention: 'auto',
  kvCacheFormat: 'f16',
  enablePrefixCaching: true,
  kvCopyBytes: 0,
  maxVisionCacheEntries: 0,
  cachedImageBytes: 0,
  mmprojEncoding: 'auto',
};

/** Qwen2.5-VL keeps a picture's size: a large one takes much memory. */
describe('the memory in which pictures are encoded', () => {
  let folder: string;
  let files: { readonly modelPath: string; readonly mmprojPath: string };
  let addon: NativeAddon;
  let model: LlamaModel;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vserve-picture-memory-'));
    const sourceDir = join(folder, 'checkpoint');
    await writeCheckpoint(sourceDir, seeingCheckpoint('qwen2.5-vl-tiny'));
    const destinationDir = join(folder, 'converted');
    const converted = await convertCheckpoint({
      sourceDir,
      destinationDir,
      outtype: 'auto',
      onProgress: () => undefined,
      signal,
    });
    files = { modelPath: converted.modelPath, mmprojPath: String(converted.mmprojPath) };
    const llama = await getLlama({ gpu: false, build: 'never', logger: () => undefined });
    addon = loadNativeAddon(llama);
    model = await llama.loadModel({ modelPath: files.modelPath });
  });
  afterAll(async () => {
    await model.dispose();
    await rm(folder, { recursive: true });
  });

  it('is known before anything is loaded, and grows with the largest picture', async () => {
    const small = await dryRun(files, { embeds: false, maxImageTokens: 64 }, signal);
    const large = await dryRun(files, { embeds: false, maxImageTokens: 1024 }, signal);
    expect(small.aloneBytes).toBeGreaterThan(0);
    expect(large.aloneBytes).toBeGreaterThan(4 * small.aloneBytes);
    expect(large.batchBytes).toBeGreaterThanOrEqual(large.aloneBytes);
    expect(await dryRun({ ...files, mmprojPath: undefined }, { embeds: false, maxImageTokens: 64 }, signal)).toEqual({
      aloneBytes: 0,
      batchBytes: 0,
      wholeTokens: 0,
    });
  });

  /** The area of what a large picture becomes. */
  async function areaWith(encoderBytes: number | undefined): Promise<number> {
    const engine = new addon.NativeEngine(
      (model as unknown as { _model: object })._model,
      { ...options, mmprojPath: files.mmprojPath, encoderBytes },
      () => undefined,
      () => undefined,
    );
    await engine.load();
    const [input] = await engine.inspectImages([bitmapOf({ width: 1600, height: 1200, seed: 1 })]);
    await engine.close();
    return (input?.width ?? NaN) * (input?.height ?? NaN);
  }

  it('bounds the size of pictures where there is less, and only there', async () => {
    const { aloneBytes } = await dryRun(files, { embeds: false, maxImageTokens: 2048 }, signal);
    const whole = await areaWith(undefined);
    expect(await areaWith(aloneBytes)).toBe(whole);
    const half = await areaWith(aloneBytes / 2);
    expect(half).toBeLessThan(0.6 * whole);
    expect(half).toBeGreaterThan(0.2 * whole);
  });
});
