import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { getLlama, type LlamaModel } from 'node-llama-cpp';
import type { GenerateRequest } from '../../../src/backend/index.ts';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { loadNativeAddon } from '../../../backends/node-llama-cpp/addon-loader.ts';
import { placementFor } from '../../../backends/node-llama-cpp/image-placement.ts';
import { LoadedLlama } from '../../../backends/node-llama-cpp/loaded-llama.ts';
import { referenceCase } from '../../support/shapes.ts';
import { type Answer, answer, referenceRequest, shapesFiles, userTurn } from '../../support/shapes-engine.ts';

/** A question behind a document of about 500 tokens. */
function about(subject: string, question: string): GenerateRequest {
  const document = `There was once a ${subject} that went to see the world. `.repeat(35);
  return userTurn([document + question], { maxTokens: 100, ignoreEos: true });
}

describe('the native engine', () => {
  describe('whose sequences share cells', () => {
    let model: LlamaModel;
    beforeAll(async () => {
      const llama = await getLlama({ gpu: false, build: 'never', logger: () => undefined });
      model = await llama.loadModel({ modelPath: shapesFiles().modelPath });
    });
    afterAll(() => model.dispose());

    /** With four places and a thread. */
    async function loadEngine(contextCells: number, maxLength: number, kvCopyBytes: number): Promise<LoadedLlama> {
      const addon = loadNativeAddon(await getLlama({ gpu: false, build: 'never', logger: () => undefined }));
      return LoadedLlama.load(
        { dispose: async () => undefined } as unknown as LlamaModel,
        {
          capabilities: { vision: true },
          contextLength: maxLength,
          maxBatchSize: 4,
          samplingDefaults: {},
          device: 'cpu',
        },
        (onEvents) =>
          new addon.NativeEngine(
            (model as unknown as { _model: object })._model,
            {
              mmprojPath: shapesFiles().mmprojPath ?? '',
              imagePlacement: placementFor('gemma3'),
              endTokens: [],
              contextCells,
              separateCells: false,
              maxLength,
              maxSequences: 4,
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
              encoderBytes: undefined,
              flashAttention: 'auto',
              encoderFlashAttention: 'auto',
              kvCacheFormat: 'f16',
              enablePrefixCaching: true,
              kvCopyBytes,
              maxVisionCacheEntries: 0,
              cachedImageBytes: 0,
              mmprojEncoding: 'auto',
            },
            onEvents,
            () => undefined,
          ),
      );
    }

    it('pushes sequences out where there are too few, computes them again, and gives the same answers', async () => {
      const engine = await loadEngine(416, 400, 0);
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
      await engine.close();
    });

    it('shares the beginning of a long document without taking room from others', async () => {
      const engine = await loadEngine(4096, 1024, 1e9);
      const stream = engine.generate(about('circle', 'Where did it go?'), new AbortController().signal);
      let others: Promise<Answer[]> | undefined;
      for await (const event of stream) {
        if (event.type === 'finish') expect(event.usage.completionTokens).toBe(100);
        if (event.type !== 'text-delta') continue;
        others ??= Promise.all([
          answer(engine, about('circle', 'Who was it?')),
          answer(engine, about('square', 'Who was it?')),
          answer(engine, about('triangle', 'Who was it?')),
        ]);
      }
      const usages = (await others)?.map(({ finish }) => finish.usage);
      expect(usages?.map(({ completionTokens }) => completionTokens)).toEqual([100, 100, 100]);
      expect(usages?.[0]?.cachedTokens).toBeGreaterThan(300);
      await engine.close();
    });
  });

  it('survives a mix of requests of which many are given up', async () => {
    const script = join(import.meta.dirname, '../../../dist/scripts/soak.js');
    const files = [inject('shapesModelPath'), inject('shapesMmprojPath')];
    const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', script, ...files, '150', '7']);
    const outcome = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
    expect(outcome).toMatchObject({ requests: 150, running: 0, queued: 0 });
    expect(outcome['cancelled']).toBeGreaterThan(5);
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
