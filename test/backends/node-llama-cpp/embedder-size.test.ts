import type { LlamaModel } from 'node-llama-cpp';
import { describe, expect, it } from 'vitest';
import type { AdmissionRequest } from '../../../backends/node-llama-cpp/admission.ts';
import { admit } from '../../../backends/node-llama-cpp/admission.ts';
import type { EmbedderShape } from '../../../backends/node-llama-cpp/embedder-size.ts';
import { fittingLength } from '../../../backends/node-llama-cpp/embedder-size.ts';
import { defaultLoadSettings } from '../../../src/settings/index.ts';
import { shapesFiles } from '../../support/shapes-engine.ts';

interface Context {
  readonly contextSize: number;
  readonly sequences: number;
  readonly isEmbeddingContext?: boolean;
}

const cellBytes = 1000;
/** What an embedder takes for each token, besides its cells. */
const tokenBytes = 50_000;

/** A model whose contexts take a kilobyte for each cell. */
const model = {
  gpuLayers: 0,
  fileInsights: {
    swaSize: undefined,
    estimateContextResourceRequirementsV2: async ({ contextSize, sequences, isEmbeddingContext = false }: Context) => ({
      gpuVram: 0,
      cpuRam: contextSize * sequences * cellBytes + (isEmbeddingContext ? contextSize * tokenBytes : 0),
    }),
  },
} as unknown as LlamaModel;

const shape: EmbedderShape = {
  settings: { ...defaultLoadSettings, deviceMemoryUtilization: 1 },
  trainedLength: 8192,
  isCausal: true,
  pooling: 'last',
};

describe('the memory of embeddings', () => {
  it('is taken off what a context beside them may have', async () => {
    const ram = 460e6;
    const request: AdmissionRequest = {
      model,
      files: { modelPath: shapesFiles().modelPath, mmprojPath: undefined },
      settings: shape.settings,
      trainedLength: 8192,
      ramBefore: { totalBytes: ram, freeBytes: ram },
      placement: { gpuLayers: 0, totalLayers: 1, gpuTotalBytes: 0 },
      gpus: [],
      layersOfGpus: [],
      encoderBytes: 0,
      batchTokens: 512,
    };
    const alone = await admit(request);
    const beside = await admit({ ...request, embedder: shape });
    expect(alone.bytes).toBeGreaterThan(beside.bytes);
    expect(beside.bytes).toBeLessThanOrEqual(ram - 8192 * (cellBytes + tokenBytes));
    expect(beside.description).toContain('embeddings');
  });

  it.each([
    ['all of its length where there is room', undefined, 1e9, 8192],
    ['shorter inputs where there is less', undefined, 200e6, 2048],
    ['512 tokens at least', undefined, 0, 512],
    ['the length that the user chose', 4096, 0, 4096],
  ])('lets a model that embeds take %s', async (_name, maxLength, cpuRam, expected) => {
    const wanted = { ...shape, settings: { ...shape.settings, maxLength } };
    expect(await fittingLength(model, wanted, { gpuVram: 0, cpuRam })).toBe(expected);
  });
});
