import { getLlama, type LlamaModel } from 'node-llama-cpp';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { EventChannel } from '../../support/event-channel.ts';
import { loadNativeAddon } from '../../../backends/node-llama-cpp/addon-loader.ts';
import { toNativeSettings } from '../../../backends/node-llama-cpp/native-settings.ts';
import { placementFor } from '../../../backends/node-llama-cpp/image-placement.ts';
import type {
  NativeAddon,
  NativeEngineOptions,
  NativeEvent,
  NativeImage,
} from '../../../backends/node-llama-cpp/native-addon.ts';
import { greedyRequest } from '../../engine/greedy.ts';
import { picture, shapesFiles } from '../../support/shapes-engine.ts';

type Finish = Extract<NativeEvent, { kind: 'finish' }>;

const options: NativeEngineOptions = {
  mmprojPath: '',
  imagePlacement: undefined,
  endTokens: [],
  contextCells: 16_384,
  separateCells: false,
  maxLength: 8192,
  maxSequences: 8,
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
  enablePrefixCaching: false,
  kvCopyBytes: 0,
  maxVisionCacheEntries: 8,
  cachedImageBytes: 1e8,
  mmprojEncoding: 'auto',
};

const settings = {
  ...toNativeSettings({ messages: [], ...greedyRequest, maxTokens: 1, ignoreEos: true }),
  grammar: undefined,
};

let model: LlamaModel;
let addon: NativeAddon;
beforeAll(async () => {
  const llama = await getLlama({ gpu: false, build: 'never', logger: () => undefined });
  addon = loadNativeAddon(llama);
  model = await llama.loadModel({ modelPath: shapesFiles().modelPath });
});
afterAll(() => model.dispose());

interface Request {
  readonly text: string;
  readonly images?: readonly NativeImage[];
  readonly settings?: Partial<typeof settings>;
}

/** An engine of its own, whose steps can be counted. */
class Engine {
  readonly #engine;
  readonly #channels = new Map<number, EventChannel<NativeEvent>>();
  #lastId = 0;

  constructor(changes: Partial<NativeEngineOptions>) {
    this.#engine = new addon.NativeEngine(
      (model as unknown as { _model: object })._model,
      { ...options, ...changes },
      (events) => {
        for (const event of events) this.#channels.get(event.id)?.push(event);
      },
      () => undefined,
    );
  }

  static async load(changes: Partial<NativeEngineOptions> = {}): Promise<Engine> {
    const engine = new Engine(changes);
    await engine.#engine.load();
    onTestFinished(() => engine.#engine.close());
    return engine;
  }

  /** Queues a request. */
  async submit({ text, images = [], settings: changes }: Request) {
    const id = ++this.#lastId;
    const channel = new EventChannel<NativeEvent>();
    this.#channels.set(id, channel);
    const parts = [...images.map((_, image) => ({ text: '', image })), { text, image: -1 }];
    const message = {
      role: 'user',
      parts,
      name: undefined,
      reasoning: undefined,
      toolCalls: [],
      toolCallId: undefined,
    };
    const conversation = {
      messages: [message],
      variables: '{}',
      addGenerationPrompt: true,
      continueFinalMessage: false,
    };
    await this.#engine.submit(id, conversation, images, { ...settings, ...changes });
    const cancel = (): void => {
      this.#engine.forget(id);
    };
    return { channel, cancel, finished: () => finishOf(channel) };
  }

  /** A request that generates until it is cancelled, or its context is full. */
  async stream(text = 'Tell me a story.') {
    const stream = await this.submit({ text, settings: { maxTokens: -1 } });
    await stream.channel.take();
    return stream;
  }
}

/** The last event of a request. */
async function finishOf(channel: EventChannel<NativeEvent>): Promise<Finish> {
  for (;;) {
    for (const event of await channel.take()) {
      if (event.kind === 'finish') return event;
      if (event.kind === 'failure') throw new Error(event.text);
    }
  }
}

/** How many tokens of a prompt were computed after each of its steps. */
async function doneTokensOf(channel: EventChannel<NativeEvent>): Promise<number[]> {
  const done: number[] = [];
  for (;;) {
    for (const event of await channel.take()) {
      if (event.kind === 'progress' && event.doneTokens > 0) done.push(event.doneTokens);
      if (event.kind === 'finish') return done;
      if (event.kind === 'failure') throw new Error(event.text);
    }
  }
}

/** A text of about this many tokens. */
const longText = (tokens: number): string => Array.from({ length: tokens / 2 }, (_, i) => i % 10).join(' ');

// All of these count the engine's steps: they hold however the threads are scheduled.

describe('a short question', () => {
  it('is computed in the next step, behind a prompt of 4,000 tokens', async () => {
    const engine = await Engine.load();
    const long = await engine.submit({ text: longText(4000) });
    const short = await engine.submit({ text: 'Hello' });
    expect((await short.finished()).prefillSteps).toBe(1);
    const { promptTokens, prefillSteps } = await long.finished();
    expect(promptTokens).toBeGreaterThan(4000);
    expect(prefillSteps).toBeGreaterThanOrEqual(promptTokens / 64);
  });

  it('has a step with a quarter of the usual share of a long prompt', async () => {
    const engine = await Engine.load({ batchTokens: 512 });
    const long = await engine.submit({ text: longText(6000), settings: { reportProgress: true } });
    const short = await engine.submit({ text: 'Hello' });
    expect((await short.finished()).prefillSteps).toBe(1);
    const done = await doneTokensOf(long.channel);
    const shares = done.slice(0, -1).map((tokens, i) => tokens - (done[i - 1] ?? 0));
    expect(new Set(shares)).toEqual(new Set([512, 128]));
    expect(shares.filter((share) => share === 128)).toHaveLength(1);
  });

  it.each([1, 2, 3, 4, 16])('is computed while as many as a step of %i holds are streaming', async (batchTokens) => {
    const engine = await Engine.load({ batchTokens, maxSequences: batchTokens + 1 });
    const streams = [];
    for (let i = 0; i < batchTokens; i++) streams.push(await engine.stream());
    const { promptTokens, prefillSteps } = await (await engine.submit({ text: 'Hello' })).finished();
    expect(prefillSteps).toBeLessThanOrEqual(promptTokens);
    for (const stream of streams) stream.cancel();
  });

  it('is admitted past one that the cache has no room for', async () => {
    // The stream has far to go before it fills them.
    const engine = await Engine.load({ contextCells: 4096 });
    const stream = await engine.stream(longText(400));
    const large = await engine.submit({ text: longText(3800) });
    await (await engine.submit({ text: 'Hello' })).finished();
    expect((await stream.channel.take()).map(({ kind }) => kind)).not.toContain('finish');
    stream.cancel();
    expect((await large.finished()).completionTokens).toBe(1);
  });
});

describe('a long prompt', () => {
  it('has half of the steps, however many short ones come', async () => {
    const engine = await Engine.load();
    const long = await engine.submit({ text: longText(1200) });
    const done = new AbortController();
    const flood = async (): Promise<void> => {
      while (!done.signal.aborted) {
        await (await engine.submit({ text: 'Hello', settings: { maxTokens: 2 } })).finished();
      }
    };
    const floods = [flood(), flood(), flood()];
    const { promptTokens, prefillSteps } = await long.finished();
    done.abort();
    await Promise.all(floods);
    expect(prefillSteps).toBeLessThanOrEqual(promptTokens / (64 / 2) + 2);
  });

  it('of one client waits for half of what another sends', async () => {
    const engine = await Engine.load();
    const submit = (client: string) => engine.submit({ text: longText(1200), settings: { client: [client] } });
    const others = [await submit('a'), await submit('a'), await submit('a')];
    const own = await (await submit('b')).finished();
    expect(own.prefillSteps).toBeLessThanOrEqual((2 * own.promptTokens) / 64 + 4);
    for (const other of others) other.cancel();
  });
});

describe('an image', () => {
  it('that is known does not wait for the images of others to be encoded', async () => {
    const { mmprojPath = '' } = shapesFiles();
    const engine = await Engine.load({ mmprojPath, imagePlacement: placementFor('gemma3') });
    const known = await picture('000-0.png');
    const text = 'What color is the background?';
    await (await engine.submit({ text, images: [known] })).finished();
    // With a stream, there are steps for as long as an image is worked on.
    const stream = await engine.stream();
    const unknown = Array.from({ length: 8 }, (_, i) => ({ ...known, id: `unknown ${String(i)}` }));
    const many = await engine.submit({ text, images: unknown });
    const one = await (await engine.submit({ text, images: [known] })).finished();
    expect(one.prefillSteps).toBeLessThan((await many.finished()).prefillSteps / 4);
    stream.cancel();
  });
});
