import { GgufInsights, readGgufFileInfo } from 'node-llama-cpp';
import { expect, inject, it } from 'vitest';
import { insightsOf } from '../../../backends/node-llama-cpp/cpu-model.ts';
import { parseDevices } from '../../../backends/node-llama-cpp/devices.ts';
import { startLlama } from '../../../backends/node-llama-cpp/llama-model.ts';
import { readGgufHeader } from '../../../src/gguf/read-header.ts';
import { headerWithoutVocabulary } from '../../../src/gguf/without-vocabulary.ts';

const { signal } = new AbortController();

it('a header without its vocabulary tells the same memory, and holds no token', async () => {
  const path = inject('shapesModelPath');
  const llama = await startLlama(parseDevices('cpu'), { log: () => undefined, signal });
  const header = await headerWithoutVocabulary(path);
  const { byteLength, tensors } = await readGgufHeader(path);
  expect(header?.length).toBeLessThan(byteLength / 2);
  const ours = await insightsOf(llama, path, signal);
  const theirs = await GgufInsights.from(await readGgufFileInfo(path), llama);
  expect(ours.ggufFileInfo.fullTensorInfo).toHaveLength(tensors.length);
  expect(ours.totalLayers).toBe(theirs.totalLayers);
  expect(ours.swaSize).toBe(theirs.swaSize);
  for (const contextSize of [256, 2048]) {
    const context = { contextSize, modelGpuLayers: 0, batchSize: 256, sequences: 2 };
    expect(await ours.estimateContextResourceRequirementsV2(context)).toEqual(
      await theirs.estimateContextResourceRequirementsV2(context),
    );
  }
});
