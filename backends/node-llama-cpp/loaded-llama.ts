import type { LlamaModel } from 'node-llama-cpp';
import type {
  AnswerFormat,
  Bitmap,
  ChatMessage,
  GenerateRequest,
  GenerationEvent,
  LoadedModel,
  ModelInfo,
  ModelStats,
  ReasoningSettings,
  TemplateSettings,
  Tool,
  ToolSettings,
} from '../../src/backend/index.ts';
import { VserveError } from '../../src/errors/index.ts';
import { AnswerEvents, type AnswerObserver, type NativeFinish } from './answer-events.ts';
import { EventChannel } from './event-channel.ts';
import type {
  EncoderInput,
  ForcedRun,
  NativeChatSettings,
  NativeConversation,
  NativeEngine,
  NativeEvent,
  NativeGenerationSettings,
  NativeImage,
  NativeTool,
  PromptRun,
  TokenLogit,
  TokenReport,
} from './native-addon.ts';
import { fromNative } from './native-errors.ts';
import { toNativeSettings } from './native-settings.ts';
import { grammarSource } from './schema/answer-source.ts';
import { compileSchema } from './schema/compile-schema.ts';
import { argumentTexts } from './schema/tagged-arguments.ts';

/** Creates an engine that calls `onEvents` with the events of each step. */
export type EngineFactory = (onEvents: (events: readonly NativeEvent[]) => void) => NativeEngine;

/** A model loaded in llama.cpp, with the engine that owns its context. */
export class LoadedLlama implements LoadedModel {
  #info: ModelInfo;
  readonly #model: LlamaModel;
  readonly #engine: NativeEngine;
  readonly #channels = new Map<number, EventChannel<NativeEvent>>();
  /** Requests whose prompt is being built, by id. */
  readonly #submissions = new Map<number, Promise<unknown>>();
  readonly #compilations = new Set<Promise<unknown>>();
  #visionKernel = '';
  #lastId = 0;
  #closing: Promise<void> | undefined;

  private constructor(model: LlamaModel, info: ModelInfo, makeEngine: EngineFactory) {
    this.#model = model;
    this.#info = info;
    this.#engine = makeEngine((events) => {
      for (const event of events) this.#channels.get(event.id)?.push(event);
    });
  }

  /** Creates and loads the engine. Throws `model_load_failed`, `out_of_memory`. */
  static async load(model: LlamaModel, info: ModelInfo, makeEngine: EngineFactory): Promise<LoadedLlama> {
    const loaded = new LoadedLlama(model, info, makeEngine);
    try {
      const { visionKernel, thinks } = await loaded.#engine.load();
      loaded.#visionKernel = visionKernel;
      loaded.#info = { ...info, capabilities: { ...info.capabilities, reasoning: thinks } };
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

  generate(request: GenerateRequest, signal: AbortSignal): AsyncGenerator<GenerationEvent, void, undefined> {
    return this.#generate(request, signal, {});
  }

  /** Generates, and tells at the end what each token of an answer was chosen from: the `count` greatest logits. */
  generateTraced(
    request: GenerateRequest,
    signal: AbortSignal,
    count: number,
    onTrace: (trace: readonly TokenReport[], choice: number) => void,
  ): AsyncGenerator<GenerationEvent, void, undefined> {
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
  ): AsyncGenerator<GenerationEvent, void, undefined> {
    return this.#generate(request, signal, { onFinish }, forcedRuns);
  }

  async *#generate(
    request: GenerateRequest,
    signal: AbortSignal,
    observer: AnswerObserver,
    forcedRuns: readonly ForcedRun[] = [],
  ): AsyncGenerator<GenerationEvent, void, undefined> {
    signal.throwIfAborted();
    if (this.#closing !== undefined) throw modelClosed();
    const id = ++this.#lastId;
    const channel = new EventChannel<NativeEvent>();
    const forget = (): void => {
      // A closing engine drops all requests itself and must not be used.
      if (this.#closing === undefined) this.#engine.forget(id);
    };
    const onAbort = (): void => {
      channel.fail(signal.reason);
      forget();
    };
    signal.addEventListener('abort', onAbort, { once: true });
    this.#channels.set(id, channel);
    try {
      const settings = toNativeSettings(request, forcedRuns);
      const promptTokens = await this.#submit(id, request, settings).finally(() => {
        signal.throwIfAborted();
      });
      yield { type: 'start', promptTokens };
      // Every token of every answer comes through here: no `yield*`, which takes several promises for each.
      const answers = new AnswerEvents(request.choices, observer);
      while (!answers.allFinished) for (const event of answers.take(await channel.take())) yield event;
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#channels.delete(id);
      forget();
    }
  }

  async #submit(
    id: number,
    request: GenerateRequest,
    settings: Omit<NativeGenerationSettings, 'grammar'>,
  ): Promise<number> {
    const { conversation, images, places } = toNative(request);
    const grammar = await this.#grammar(request.format);
    try {
      const submission = this.#engine.submit(id, conversation, images, { ...settings, grammar });
      this.#submissions.set(id, submission);
      const promptTokens = await submission;
      if (this.#closing !== undefined) throw modelClosed();
      return promptTokens;
    } catch (error) {
      throw this.#closing === undefined ? fromNative(error, places) : modelClosed();
    } finally {
      this.#submissions.delete(id);
    }
  }

  /** What an answer is held to; undefined for any text. Throws `invalid_request` with the format's `param`. */
  async #grammar(format: AnswerFormat): Promise<object | undefined> {
    const source = grammarSource(format);
    if (source === undefined) return undefined;
    const compilation = this.#engine.compileGrammar(source.schema, source.gbnf);
    this.#compilations.add(compilation);
    try {
      const grammar = await compilation;
      if (this.#closing !== undefined) throw modelClosed();
      return grammar;
    } catch (error) {
      const failure = fromNative(error);
      if (!(failure instanceof VserveError) || failure.code !== 'invalid_request') throw failure;
      throw new VserveError('invalid_request', failure.message, 'param' in format ? { param: format.param } : {});
    } finally {
      this.#compilations.delete(compilation);
    }
  }

  /** The prompt of a conversation, for comparison with the model's own processor. */
  async inspectPrompt(messages: readonly ChatMessage[], template = opensTurn): Promise<readonly PromptRun[]> {
    if (this.#closing !== undefined) throw modelClosed();
    const { conversation, images } = toNative({ messages, template });
    return this.#engine.inspectPrompt(conversation, images);
  }

  /** The tokens of a text, for comparison with llama.cpp's own tokenizer. */
  async inspectTokens(text: string, parseSpecial: boolean): Promise<Int32Array> {
    if (this.#closing !== undefined) throw modelClosed();
    return this.#engine.inspectTokens(text, parseSpecial);
  }

  /** The encoder's input for an image: its tiles, row by row, if it is tiled, and the whole image. */
  async inspectImage(image: Bitmap): Promise<readonly EncoderInput[]> {
    if (this.#closing !== undefined) throw modelClosed();
    return this.#engine.inspectImages([image]);
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

  encodedImage(id: string, cacheSalt: string): object | undefined {
    return this.#closing === undefined ? this.#engine.encodedImage(id, cacheSalt) : undefined;
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

  /** How often a request had to make way for older ones so far, to be computed again later. */
  get preemptions(): number {
    return this.#closing === undefined ? this.#engine.stats().preemptions : 0;
  }

  /** How many images, or tiles of them, the encoder has computed so far. */
  get encodes(): number {
    return this.#closing === undefined ? this.#engine.stats().encodes : 0;
  }

  /** How many tokens of prompts were computed so far, those of images included. */
  get promptTokensComputed(): number {
    return this.#closing === undefined ? this.#engine.stats().promptTokens : 0;
  }

  resetPrefixCache(): void {
    if (this.#closing === undefined) this.#engine.resetPrefixCache();
  }

  leaveCpus(count: number): void {
    if (this.#closing === undefined) this.#engine.leaveCpus(count);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    // Building a prompt uses the model. The engine itself fails the running requests.
    for (const id of this.#submissions.keys()) this.#engine.forget(id);
    await Promise.allSettled([...this.#submissions.values(), ...this.#compilations]);
    await this.#engine.close();
    await this.#model.dispose();
  }
}

function modelClosed(): VserveError {
  return new VserveError('model_closed', 'The model is closed.');
}

/** The default template settings. */
const opensTurn: TemplateSettings = { variables: {}, addGenerationPrompt: true, continueFinalMessage: false };

interface ConversationAndImages {
  readonly conversation: NativeConversation;
  readonly images: readonly NativeImage[];
  /** The path of each image in the request, if known. */
  readonly places: readonly (string | undefined)[];
}

/** What of a request decides how its answer begins, and how it is read. */
export interface AskedConversation {
  readonly messages: readonly ChatMessage[];
  readonly template: TemplateSettings;
  readonly tools?: ToolSettings | undefined;
  readonly reasoning?: ReasoningSettings;
}

/** Moves the images out of the messages, which refer to them by index. */
export function toNative({ messages: chat, template, tools, reasoning }: AskedConversation): ConversationAndImages {
  const images: NativeImage[] = [];
  const places: (string | undefined)[] = [];
  const messages = chat.map(({ role, content, name, reasoning, toolCalls = [], toolCallId }) => ({
    role,
    parts: content.map((part) => {
      if (part.type === 'text') return { text: part.text, image: -1 };
      places.push(part.param);
      return { text: '', image: images.push(part.image) - 1 };
    }),
    name,
    reasoning,
    toolCalls,
    toolCallId,
  }));
  const { variables, addGenerationPrompt, continueFinalMessage } = template;
  return {
    conversation: {
      messages,
      variables: JSON.stringify(variables),
      addGenerationPrompt,
      continueFinalMessage,
      asked: toNativeChat(tools, reasoning),
    },
    images,
    places,
  };
}

/** Throws `invalid_request` with the `param` of what cannot be kept in a schema. */
function toNativeTool(tool: Tool, index: number, mayCall: boolean): NativeTool {
  const { name, description, parameters, param = `tools[${index}].function` } = tool;
  const plain = { name, description, schema: '', rules: '', argumentTexts: [] };
  if (parameters === undefined) return { ...plain, parameters: '' };
  const text = JSON.stringify(parameters);
  if (!mayCall || text === '{}') return { ...plain, parameters: text };
  const compiled = compileSchema(parameters, `${param}.parameters`);
  const { schema, rules } = compiled;
  // The names of the rules begin with a word that is nowhere else. Each tool has one of its own.
  const word = /^[a-z]+/.exec(rules)?.[0] ?? '';
  const named = (lines: string): string => (word === '' ? lines : lines.replaceAll(word, `${word}${letters(index)}`));
  return {
    ...plain,
    parameters: text,
    schema: named(JSON.stringify(schema)),
    rules: named(rules),
    argumentTexts: argumentTexts(compiled),
  };
}

/** Another word for each number. */
function letters(number: number): string {
  return Array.from(String(number), (digit) => 'abcdefghij'[Number(digit)]).join('');
}

function toNativeChat(asked: ToolSettings | undefined, reasoning: ReasoningSettings | undefined): NativeChatSettings {
  const { tools = [], choice = 'auto', parallel } = asked ?? {};
  return {
    tools: tools.map((tool, index) => toNativeTool(tool, index, choice !== 'none')),
    toolChoice: typeof choice === 'string' ? choice : 'required',
    onlyTool: typeof choice === 'string' ? '' : choice.name,
    parallelCalls: parallel,
    reasoningApart: reasoning?.isApart ?? false,
    maxReasoningTokens: Math.min(reasoning?.maxTokens ?? -1, 2 ** 31 - 1),
    reasoningEndMessage: reasoning?.endMessage ?? '',
  };
}
