import type { LlamaModel } from 'node-llama-cpp';
import type {
  AnswerFormat,
  AskedImage,
  Bitmap,
  ChatMessage,
  Embedding,
  EmbedRequest,
  GenerateRequest,
  ImageBudget,
  ImageProcessorSettings,
  LoadedAdapter,
  LoadedModel,
  ModelInfo,
  ModelStats,
  ModelWork,
  PromptPart,
  PromptRequest,
  ReasoningSettings,
  TemplateSettings,
  TextToken,
  TokenizeOptions,
  ToolSettings,
} from '../../src/backend/index.ts';
import { IMAGE_MARKER } from '../../src/backend/loaded-model.ts';
import { VserveError } from '../../src/errors/index.ts';
import { AnswerEvents, type AnswerObserver, type NativeFinish } from './answer-events.ts';
import { Generation } from './generation.ts';
import { ImageBudgets } from './image-budget/image-budgets.ts';
import { LlamaAdapters } from './llama-adapters.ts';
import type { LlamaEmbedder } from './llama-embedder.ts';
import type {
  EncoderInput,
  ForcedRun,
  NativeChatSettings,
  NativeConversation,
  NativeEngine,
  NativeEvent,
  NativeGenerationSettings,
  NativeImage,
  NativePrompt,
  OnPiece,
  PromptRun,
  TokenLogit,
  TokenReport,
} from './native-addon.ts';
import { fromNative } from './native-errors.ts';
import { toNativePrompt, toTokens } from './native-prompt.ts';
import { checkBiases, toNativeSettings } from './native-settings.ts';
import { formatsOfTools, toNativeTools } from './native-tools.ts';
import type { GrammarSource } from './schema/answer-source.ts';
import { GrammarSources } from './schema/grammar-sources.ts';
import { textTokens } from './text-tokens.ts';

/** Creates an engine that calls these with the events of each step. */
export type EngineFactory = (onEvents: (events: readonly NativeEvent[]) => void, onPiece: OnPiece) => NativeEngine;

/** A model loaded in llama.cpp, with the engine that owns its context. */
export class LoadedLlama implements LoadedModel {
  #info: ModelInfo;
  readonly #model: LlamaModel;
  readonly #engine: NativeEngine;
  readonly #generations = new Map<number, Generation>();
  /** Requests whose prompt is being built, by id. */
  readonly #submissions = new Map<number, Promise<unknown>>();
  readonly #grammarSources = new GrammarSources();
  readonly #compilations = new Set<Promise<unknown>>();
  readonly #adapters: LlamaAdapters;
  /** Of the generations that hold one, by id. */
  readonly #adapterOf = new Map<number, number>();
  #visionKernel = '';
  readonly #budgets: ImageBudgets;
  #vocabularySize = 0;
  #stringQuote = '';
  #embedder: LlamaEmbedder | undefined;
  #lastId = 0;
  #onIdle: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  private constructor(
    model: LlamaModel,
    info: ModelInfo,
    makeEngine: EngineFactory,
    budgets: ImageBudgets,
    adapters: LlamaAdapters,
  ) {
    this.#model = model;
    this.#adapters = adapters;
    this.#budgets = budgets;
    this.#info = info;
    this.#engine = makeEngine(
      (events) => {
        this.#takeEvents(events);
      },
      (id, index, text, tokens, isThought) => {
        const generation = this.#generations.get(id);
        generation?.answers.addText(index, isThought, text, tokens);
        generation?.settle();
      },
    );
  }

  /** Creates and loads the engine. Throws `model_load_failed`, `out_of_memory`. */
  static async load(
    model: LlamaModel,
    info: ModelInfo,
    makeEngine: EngineFactory,
    budgets = noBudgets,
    adapters = new LlamaAdapters([]),
  ): Promise<LoadedLlama> {
    const loaded = new LoadedLlama(model, info, makeEngine, budgets, adapters);
    try {
      const { visionKernel, thinks, vocabularySize, mostImageTokens, stringQuote } = await loaded.#engine.load();
      budgets.mostTokens = mostImageTokens;
      loaded.#visionKernel = visionKernel;
      loaded.#vocabularySize = vocabularySize;
      loaded.#stringQuote = stringQuote;
      const description = info.description && { description: { ...info.description, vocabularySize } };
      loaded.#info = { ...info, ...description, capabilities: { ...info.capabilities, reasoning: thinks } };
    } catch (error) {
      await loaded.#engine.close();
      throw fromNative(error);
    }
    return loaded;
  }

  get info(): ModelInfo {
    return this.#info;
  }

  /** The name of our kernels for the vision encoder (`AVX2`); empty if it uses ggml's, or there is no encoder. */
  get visionKernel(): string {
    return this.#visionKernel;
  }

  generate(request: GenerateRequest, signal: AbortSignal): Generation {
    return this.#generate(request, signal, {});
  }

  /** Generates, and tells at the end what each token of an answer was chosen from: the `count` greatest logits. */
  generateTraced(
    request: GenerateRequest,
    signal: AbortSignal,
    count: number,
    onTrace: (trace: readonly TokenReport[], choice: number) => void,
  ): Generation {
    const traces = Array.from({ length: request.choices }, (): TokenReport[] => []);
    return this.#generate({ ...request, logProbs: count }, signal, {
      onReports: (reports, choice) => traces[choice]?.push(...reports),
      onFinish: ({ index }) => {
        onTrace(traces[index] ?? [], index);
      },
    });
  }

  /** Generates, and forces tokens into each answer, as a grammar does. */
  generateForced(
    request: GenerateRequest,
    signal: AbortSignal,
    forcedRuns: readonly ForcedRun[],
    onFinish: (finish: NativeFinish) => void,
  ): Generation {
    return this.#generate(request, signal, { onFinish }, forcedRuns);
  }

  #generate(
    request: GenerateRequest,
    signal: AbortSignal,
    observer: AnswerObserver,
    forcedRuns: readonly ForcedRun[] = [],
  ): Generation {
    const id = ++this.#lastId;
    const generation = new Generation({
      answers: new AnswerEvents(request.choices, observer),
      signal,
      submit: async () => {
        if (this.#closing !== undefined) throw modelClosed();
        checkBiases(request.sampling, this.#vocabularySize);
        this.#enterAdapter(id, request.adapter);
        this.#generations.set(id, generation);
        return this.#submit(id, request, toNativeSettings(request, forcedRuns), signal);
      },
      drop: () => {
        this.#generations.delete(id);
        if (this.#generations.size === 0) this.#onIdle?.();
        // A closing engine drops all requests itself and must not be used.
        if (this.#closing === undefined) this.#engine.forget(id);
        this.#leaveAdapter(id);
      },
    });
    return generation;
  }

  #enterAdapter(generation: number, adapter: number | undefined): void {
    if (adapter === undefined) return;
    this.#adapters.enter(adapter);
    this.#adapterOf.set(generation, adapter);
  }

  /** May be called again. */
  #leaveAdapter(generation: number): void {
    const adapter = this.#adapterOf.get(generation);
    this.#adapterOf.delete(generation);
    this.#adapters.leave(adapter);
  }

  loadAdapter(path: string): Promise<LoadedAdapter> {
    const isClosed = (): boolean => this.#closing !== undefined;
    return this.#unlessClosed(() => this.#adapters.load(path, this.#engine, isClosed));
  }

  #takeEvents(events: readonly NativeEvent[]): void {
    for (const event of events) this.#generations.get(event.id)?.answers.add(event);
    for (const { id } of events) this.#generations.get(id)?.settle();
  }

  async #submit(
    id: number,
    request: GenerateRequest,
    settings: Omit<NativeGenerationSettings, 'grammar'>,
    signal: AbortSignal,
  ): Promise<number> {
    const { toolSources, grammar } = await this.#compiled(request, signal);
    const { prompt, images, places } = this.#toNative(request, toolSources);
    try {
      const submission = this.#engine.submit(id, prompt, images, { ...settings, grammar });
      return await this.#submitted(id, submission);
    } catch (error) {
      const field = request.prompt === undefined ? 'messages' : 'prompt';
      throw this.#closing === undefined ? fromNative(error, places, field) : modelClosed();
    }
  }

  /** Waits for a prompt that uses the model. */
  async #submitted<T>(id: number, submission: Promise<T>): Promise<T> {
    this.#submissions.set(id, submission);
    try {
      const result = await submission;
      if (this.#closing !== undefined) throw modelClosed();
      return result;
    } finally {
      this.#submissions.delete(id);
    }
  }

  #toNative(request: AskedConversation, toolSources: readonly GrammarSource[] = []): PromptAndImages {
    if (request.prompt === undefined) return toNative(request, toolSources, this.#budgets);
    const { prompt, imageProcessor } = request;
    const { images, places, ...rest } = toNativePrompt(prompt, this.#vocabularySize, this.#budgets, imageProcessor);
    return { prompt: rest, images, places };
  }

  async countPrompt(request: PromptRequest, signal: AbortSignal): Promise<number> {
    signal.throwIfAborted();
    if (this.#closing !== undefined) throw modelClosed();
    const { prompt, images, places } = this.#toNative(request);
    const id = ++this.#lastId;
    const forget = (): void => {
      if (this.#closing === undefined) this.#engine.forget(id);
    };
    signal.addEventListener('abort', forget, { once: true });
    try {
      return await this.#submitted(id, this.#engine.countPrompt(id, prompt, images));
    } catch (error) {
      signal.throwIfAborted();
      throw this.#closing === undefined ? fromNative(error, places) : modelClosed();
    } finally {
      signal.removeEventListener('abort', forget);
      forget();
    }
  }

  async renderPrompt(request: PromptRequest, signal: AbortSignal): Promise<string> {
    signal.throwIfAborted();
    const { prompt, images, places } = this.#toNative(request);
    return this.#unlessClosed(() => this.#engine.renderPrompt(prompt, images.length, IMAGE_MARKER), places);
  }

  async tokenize(text: string, options: TokenizeOptions): Promise<readonly TextToken[]> {
    const ids = await this.tokenIds(text, options);
    return textTokens(ids, (slice) => this.#unlessClosed(() => this.#engine.pieces(slice)));
  }

  tokenIds(text: string, { addSpecial, parseSpecial }: TokenizeOptions): Promise<Int32Array> {
    return this.#unlessClosed(() => this.#engine.tokenize(text, parseSpecial, addSpecial));
  }

  async detokenize(tokens: readonly number[]): Promise<string> {
    const given = toTokens(tokens, this.#vocabularySize);
    const pieces = await this.#unlessClosed(() => this.#engine.pieces(given));
    return Buffer.from(pieces.join(''), 'latin1').toString();
  }

  /** Runs what uses the model, and holds its closing back meanwhile. */
  async #unlessClosed<T>(use: () => Promise<T>, places?: readonly (string | undefined)[]): Promise<T> {
    if (this.#closing !== undefined) throw modelClosed();
    try {
      return await this.#submitted(++this.#lastId, use());
    } catch (error) {
      throw this.#closing === undefined ? fromNative(error, places) : modelClosed();
    }
  }

  /** What the answers are held to. Throws `invalid_request` with the `param` of what cannot be kept. */
  async #compiled({ tools, format }: GenerateRequest, signal: AbortSignal): Promise<CompiledFormats> {
    try {
      const toolSources = await this.#grammarSources.compileAll(formatsOfTools(tools, this.#stringQuote), signal);
      const grammar = await this.#grammar(format, signal);
      signal.throwIfAborted();
      return { toolSources, grammar };
    } catch (error) {
      throw this.#closing === undefined ? error : modelClosed();
    }
  }

  /** The grammar of an answer; undefined for any text. */
  async #grammar(format: AnswerFormat, signal: AbortSignal): Promise<object | undefined> {
    const source = await this.#grammarSources.compile(format, signal);
    if (source === undefined) return undefined;
    try {
      return await this.#compileSource(source);
    } catch (error) {
      const failure = fromNative(error);
      if (!(failure instanceof VserveError) || failure.code !== 'invalid_request') throw failure;
      throw new VserveError('invalid_request', failure.message, 'param' in format ? { param: format.param } : {});
    }
  }

  /** Throws `model_closed` where it was closed meanwhile, and the engine's errors. */
  async #compileSource(source: GrammarSource): Promise<object> {
    if (this.#closing !== undefined) throw modelClosed();
    const compilation = this.#engine.compileGrammar(source.schema, source.gbnf);
    this.#compilations.add(compilation);
    try {
      const grammar = await compilation;
      if (this.#closing !== undefined) throw modelClosed();
      return grammar;
    } finally {
      this.#compilations.delete(compilation);
    }
  }

  /** The prompt of a conversation, for comparison with the model's own processor. */
  inspectPrompt(messages: readonly ChatMessage[], template = opensTurn): Promise<readonly PromptRun[]> {
    return this.inspectRequest({ messages, template });
  }

  /** The prompt of a request. */
  async inspectRequest(request: AskedConversation): Promise<readonly PromptRun[]> {
    if (this.#closing !== undefined) throw modelClosed();
    const { prompt, images } = this.#toNative(request);
    return this.#engine.inspectPrompt(prompt, images);
  }

  /** The tokens of a text, for comparison with llama.cpp's own tokenizer. */
  async inspectTokens(text: string, parseSpecial: boolean): Promise<Int32Array> {
    if (this.#closing !== undefined) throw modelClosed();
    return this.#engine.tokenize(text, parseSpecial, false);
  }

  /** The encoder's input for an image: its tiles, row by row, if it is tiled, and the whole image. */
  async inspectImage(image: Bitmap, asked: ImageAsked = {}): Promise<readonly EncoderInput[]> {
    if (this.#closing !== undefined) throw modelClosed();
    return this.#engine.inspectImages([{ ...image, ...this.#budgets.of(image, asked.budget, asked.processor) }]);
  }

  /** The `count` likeliest first tokens of the answer, with their logits, the likeliest first. */
  async firstLogits(request: GenerateRequest, count: number): Promise<readonly TokenLogit[]> {
    let first: TokenReport | undefined;
    const { signal } = new AbortController();
    const answer = this.generateTraced({ ...request, maxTokens: 1 }, signal, count, ([token]) => {
      first = token;
    });
    while ((await answer.next()).done !== true);
    return first?.likeliest ?? [];
  }

  /** Computes embeddings with what `load` makes for this engine; it is closed with the model. Throws what `load` throws. */
  async addEmbedder(load: (engine: NativeEngine) => Promise<LlamaEmbedder>): Promise<void> {
    this.#embedder = await load(this.#engine);
    this.#info = { ...this.#info, capabilities: { ...this.#info.capabilities, embeddings: true } };
  }

  async embed(request: EmbedRequest, signal: AbortSignal): Promise<Embedding> {
    if (this.#embedder !== undefined) return this.#embedder.embed(request, signal);
    const message = 'This model computes no embeddings: start the server with --embeddings.';
    throw new VserveError('unsupported_capability', message);
  }

  encodedImage(image: AskedImage, cacheSalt: string): object | undefined {
    if (this.#closing !== undefined) return undefined;
    try {
      const { id } = this.#budgets.of(image, image.budget, image.processor);
      return this.#engine.encodedImage(id, cacheSalt);
    } catch (error) {
      // What is wrong with the request is told when it is made.
      if (error instanceof VserveError) return undefined;
      throw error;
    }
  }

  stats(): ModelStats {
    if (this.#closing !== undefined) return { sequencesRunning: 0, sequencesQueued: 0 };
    const { running, queued } = this.#engine.stats();
    return { sequencesRunning: running, sequencesQueued: queued };
  }

  /** Number of CPU threads that computed the last step. */
  get stepThreads(): number {
    return this.#closing === undefined ? this.#engine.stats().threads : 0;
  }

  work(): ModelWork | undefined {
    return this.#closing === undefined ? this.#engine.work() : undefined;
  }

  resetPrefixCache(): void {
    if (this.#closing === undefined) this.#engine.resetPrefixCache();
  }

  /** The first format of a process takes several times as long as the next: V8 learns the code, the engine its vocabulary. */
  async warmUp(): Promise<void> {
    try {
      const small = await this.#grammarSources.warmUp();
      if (small !== undefined) await this.#compileSource(small);
      const large = await this.#grammarSources.warmUpLarge(() => this.#untilIdle());
      if (large !== undefined) await this.#compileSource(large);
    } catch (error) {
      if (this.#closing === undefined) throw fromNative(error);
    }
  }

  /** Resolves when nothing is generated, or the model is closed. */
  async #untilIdle(): Promise<void> {
    while (this.#generations.size > 0 && this.#closing === undefined) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
  }

  leaveCpus(count: number): void {
    if (this.#closing === undefined) this.#engine.leaveCpus(count);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#onIdle?.();
    // Building a prompt uses the model. The engine itself fails the running requests.
    for (const id of this.#submissions.keys()) this.#engine.forget(id);
    await Promise.allSettled([this.#grammarSources.close(), ...this.#submissions.values(), ...this.#compilations]);
    // Its images are with the engine.
    await this.#embedder?.close();
    await this.#engine.close();
    await this.#model.dispose();
  }
}

const noBudgets = new ImageBudgets(undefined, {});

/** What is asked for an image. */
export interface ImageAsked {
  readonly budget?: ImageBudget;
  readonly processor?: ImageProcessorSettings;
}

interface CompiledFormats {
  readonly toolSources: readonly GrammarSource[];
  readonly grammar: object | undefined;
}

function modelClosed(): VserveError {
  return new VserveError('model_closed', 'The model is closed.');
}

/** The default template settings. */
const opensTurn: TemplateSettings = { variables: {}, addGenerationPrompt: true, continueFinalMessage: false };

interface PromptAndImages {
  readonly prompt: NativePrompt;
  readonly images: readonly NativeImage[];
  /** The path of each image in the request, if known. */
  readonly places: readonly (string | undefined)[];
}

/** What of a request decides how its answer begins, and how it is read. */
export interface AskedConversation {
  readonly messages: readonly ChatMessage[];
  readonly prompt?: readonly PromptPart[] | undefined;
  readonly template: TemplateSettings;
  readonly tools?: ToolSettings | undefined;
  readonly reasoning?: ReasoningSettings;
  readonly imageProcessor?: ImageProcessorSettings | undefined;
}

/** Moves the images out of the messages, which refer to them by index. `toolSources`: of `formatsOfTools()`. */
export function toNative(
  { messages: chat, template, tools, reasoning, imageProcessor }: AskedConversation,
  toolSources: readonly GrammarSource[] = [],
  budgets = noBudgets,
) {
  const images: NativeImage[] = [];
  const places: (string | undefined)[] = [];
  const messages = chat.map(({ role, content, name, reasoning, toolCalls = [], toolCallId }) => ({
    role,
    parts: content.map((part) => {
      if (part.type === 'text') return { text: part.text, image: -1, isMark: part.isMark ?? false };
      places.push(part.param);
      const prepared = budgets.of(part.image, part.budget, imageProcessor);
      const { videoPosition } = part;
      return { text: '', image: images.push({ ...part.image, ...prepared, videoPosition }) - 1 };
    }),
    name,
    reasoning,
    toolCalls,
    toolCallId,
  }));
  const { variables, addGenerationPrompt, continueFinalMessage } = template;
  const prompt: NativeConversation = {
    messages,
    variables: JSON.stringify(variables),
    addGenerationPrompt,
    continueFinalMessage,
    asked: toNativeChat(tools, toolSources, reasoning),
  };
  return { prompt, images, places };
}

function toNativeChat(
  asked: ToolSettings | undefined,
  toolSources: readonly GrammarSource[],
  reasoning: ReasoningSettings | undefined,
): NativeChatSettings {
  const { choice = 'auto', parallel } = asked ?? {};
  return {
    tools: toNativeTools(asked ?? {}, toolSources),
    toolChoice: typeof choice === 'string' ? choice : 'required',
    onlyTool: typeof choice === 'string' ? '' : choice.name,
    parallelCalls: parallel,
    reasoningApart: reasoning?.isApart ?? false,
    maxReasoningTokens: Math.min(reasoning?.maxTokens ?? -1, 2 ** 31 - 1),
    reasoningEndMessage: reasoning?.endMessage ?? '',
  };
}
