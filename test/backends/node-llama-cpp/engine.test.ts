import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { getLlama, type LlamaModel } from 'node-llama-cpp';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { loadNativeAddon } from '../../../backends/node-llama-cpp/addon-loader.ts';
import { placementFor } from '../../../backends/node-llama-cpp/image-placement.ts';
import { LoadedLlama } from '../../../backends/node-llama-cpp/loaded-llama.ts';
import { referenceCase } from '../../support/shapes.ts';
import { answer, referenceRequest, shapesFiles, userTurn } from '../../support/shapes-engine.ts';

describe('the native engine', () => {
  describe('with fewer KV cells than its sequences want', () => {
    let model: LlamaModel;
    let engine: LoadedLlama;
    beforeAll(async () => {
      const llama = await getLlama({ gpu: false, build: 'never', logger: () => undefined });
      const addon = loadNativeAddon(llama);
      const { modelPath, mmprojPath } = shapesFiles();
      model = await llama.loadModel({ modelPath });
      engine = await LoadedLlama.load(
        model,
        {
          capabilities: { vision: true },
          contextLength: 400,
          maxBatchSize: 4,
          samplingDefaults: {},
          device: 'cpu',
        },
        (onEvents) =>
          new addon.NativeEngine(
            (model as unknown as { _model: object })._model,
            {
              mmprojPath: mmprojPath ?? '',
              imagePlacement: placementFor('gemma3'),
              contextCells: 416,
              maxLength: 400,
              maxSequences: 4,
              batchTokens: 64,
              threads: 2,
              threadsBatch: 2,
              // On a busy machine two threads that wait for each other would take minutes.
              threadsAdapt: true,
              threadsBatchAdapt: true,
              cpus: 2,
              useGpu: false,
              flashAttention: 'auto',
              encoderFlashAttention: 'auto',
              kvCacheFormat: 'f16',
              enablePrefixCaching: true,
              kvCopyBytes: 0,
              maxVisionCacheEntries: 0,
              cachedImageBytes: 0,
              mmprojEncoding: 'auto',
            },
            onEvents,
            () => undefined,
          ),
      );
    });
    afterAll(() => engine.close());

    it('pushes sequences out, computes them again, and gives the same answers', async () => {
      // What the model learnt by heart: a token of it is never a close call, whatever else is in the batch.
      const requests = [
        userTurn(['Tell me a story.']),
        userTurn(['Tell me a story!']),
        userTurn(['Please tell me a story.']),
        userTurn(['Tell me a long story.']),
        await referenceRequest(referenceCase('031')),
      ];
      const alone: string[] = [];
      for (const request of requests) alone.push((await answer(engine, request)).text);
      // Four times about 155 tokens do not fit into 416 cells together.
      const together = await Promise.all(requests.map((request) => answer(engine, request)));
      expect(together.map(({ text }) => text)).toEqual(alone);
      expect(together.map(({ finish }) => finish.usage.completionTokens).slice(0, 4)).toEqual([141, 141, 141, 141]);
    });
  });

  it('survives a mix of requests of which many are given up', { timeout: 120_000 }, async () => {
    const script = join(import.meta.dirname, '../../../dist/scripts/soak.js');
    const files = [inject('shapesModelPath'), inject('shapesMmprojPath')];
    const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', script, ...files, '150', '7']);
    const outcome = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
    expect(outcome).toMatchObject({ requests: 150, running: 0, queued: 0 });
    expect(outcome['cancelled']).toBeGreaterThan(20);
    expect(outcome['finished']).toBeGreaterThan(60);
    expect(outcome['answerBefore']).toBe('I am a tiny vision model. I describe shapes, colors and numbers.');
    expect(outcome['answerAfter']).toBe(outcome['answerBefore']);
  });

  it('frees everything: load and close leave the memory as it was', async () => {
    const script = join(import.meta.dirname, '../../../dist/scripts/load-cycles.js');
    const files = [inject('shapesModelPath'), inject('shapesMmprojPath')];
    const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', script, ...files, '40']);
    const { firstRssBytes, lastRssBytes } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as {
      firstRssBytes: number;
      lastRssBytes: number;
    };
    // A context with its projector takes about 30 MB: a leak of one in two cycles would be 450 MB.
    expect(lastRssBytes - firstRssBytes).toBeLessThan(120e6);
  });
});
