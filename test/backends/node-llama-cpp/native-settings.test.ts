import { getLlama } from 'node-llama-cpp';
import { expect, it } from 'vitest';
import { loadNativeAddon } from '../../../backends/node-llama-cpp/addon-loader.ts';
import type { NativeEngineOptions } from '../../../backends/node-llama-cpp/native-addon.ts';
import { toNativeSettings } from '../../../backends/node-llama-cpp/native-settings.ts';
import { greedyRequest } from '../../engine/greedy.ts';
import { shapesFiles } from '../../support/shapes-engine.ts';

const options: NativeEngineOptions = {
  mmprojPath: '',
  chatTemplate: undefined,
  imagePlacement: undefined,
  endTokens: [],
  contextCells: 256,
  separateCells: false,
  maxLength: 256,
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
  encoderBytes: undefined,
  flashAttention: 'auto',
  encoderFlashAttention: 'auto',
  kvCacheFormat: 'f16',
  enablePrefixCaching: true,
  kvCopyBytes: 0,
  maxVisionCacheEntries: 0,
  cachedImageBytes: 0,
  mmprojEncoding: 'auto',
};

const settings = { ...toNativeSettings({ messages: [], ...greedyRequest, maxTokens: 1 }), grammar: undefined };

const conversation = {
  messages: [
    {
      role: 'user',
      parts: [{ text: 'Hello', image: -1 }],
      name: undefined,
      reasoning: undefined,
      toolCalls: [],
      toolCallId: undefined,
    },
  ],
  variables: '{}',
  addGenerationPrompt: true,
  continueFinalMessage: false,
};

/** An object that notes which of its keys are read. */
function watched<T extends object>(object: T): { readonly watched: T; readonly read: Set<string> } {
  const read = new Set<string>();
  const get = (target: T, key: string | symbol): unknown => {
    read.add(String(key));
    return Reflect.get(target, key);
  };
  return { watched: new Proxy(object, { get }), read };
}

it('the addon reads every setting of an engine and of a request, and no other', async () => {
  const llama = await getLlama({ gpu: false, build: 'never', logger: () => undefined });
  const model = await llama.loadModel({ modelPath: shapesFiles().modelPath });
  const ofEngine = watched(options);
  const ofRequest = watched(settings);
  const { NativeEngine } = loadNativeAddon(llama);
  const engine = new NativeEngine(
    (model as unknown as { _model: object })._model,
    ofEngine.watched,
    () => undefined,
    () => undefined,
  );
  await engine.load();
  await engine.submit(1, conversation, [], ofRequest.watched);
  await engine.close();
  await model.dispose();
  // The types have TypeScript compile nothing that leaves one out here.
  expect([...ofEngine.read].toSorted()).toEqual(Object.keys(options).toSorted());
  expect([...ofRequest.read].toSorted()).toEqual(Object.keys(settings).toSorted());
});
