/**
 * A third party's backend: whatever the specification grows, this must go on to compile. It answers with the length of
 * the last message.
 */
import type { Backend, GenerateRequest, GenerationEvent } from 'vserve/backend';

const contextLength = 1000;

async function* generate({ messages, maxTokens = contextLength }: GenerateRequest, signal: AbortSignal) {
  signal.throwIfAborted();
  await Promise.resolve();
  const said = messages.at(-1)?.content.map((part) => (part.type === 'text' ? part.text : '')) ?? [];
  const promptTokens = messages.length;
  const events: GenerationEvent[] = [
    { type: 'start', promptTokens },
    { type: 'text-delta', text: String(said.join('').length), tokens: 1 },
    {
      type: 'finish',
      reason: maxTokens > 1 ? 'stop' : 'length',
      usage: { promptTokens, cachedTokens: 0, completionTokens: 1 },
      timings: { queueMs: 0, prefillMs: 0, decodeMs: 0 },
    },
  ];
  yield* events;
}

const backend: Backend = {
  name: 'minimal',
  specificationVersion: 1,
  load: () =>
    Promise.resolve({
      info: { capabilities: { vision: false }, contextLength, maxBatchSize: 1, samplingDefaults: {}, device: 'none' },
      generate,
      stats: () => ({ sequencesRunning: 0, sequencesQueued: 0 }),
      close: () => Promise.resolve(),
    }),
};
export default backend;
