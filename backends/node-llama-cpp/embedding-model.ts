import type { LlamaModel } from 'node-llama-cpp';
import type {
  Embedding,
  EmbedRequest,
  GenerationEvent,
  LoadedModel,
  ModelInfo,
  ModelStats,
  PromptRequest,
  TextToken,
  TokenizeOptions,
} from '../../src/backend/index.ts';
import { VserveError } from '../../src/errors/index.ts';
import type { LlamaEmbedder } from './llama-embedder.ts';
import { toNative } from './loaded-llama.ts';

/** A model that was trained to embed, and does nothing else. */
export class EmbeddingModel implements LoadedModel {
  readonly info: ModelInfo;
  readonly #model: LlamaModel;
  readonly #embedder: LlamaEmbedder;
  #running = 0;
  #closing: Promise<void> | undefined;

  constructor(model: LlamaModel, info: ModelInfo, embedder: LlamaEmbedder) {
    this.info = info;
    this.#model = model;
    this.#embedder = embedder;
  }

  generate(): AsyncIterable<GenerationEvent> {
    throw generatesNothing();
  }

  async embed(request: EmbedRequest, signal: AbortSignal): Promise<Embedding> {
    this.#running += 1;
    try {
      return await this.#embedder.embed(request, signal);
    } finally {
      this.#running -= 1;
    }
  }

  async countPrompt(request: PromptRequest): Promise<number> {
    if (request.prompt === undefined) throw generatesNothing();
    return this.#embedder.countPrompt(request.prompt);
  }

  async renderPrompt(request: PromptRequest): Promise<string> {
    const { prompt, images } = toNative(request);
    return this.#embedder.renderPrompt(prompt, images.length);
  }

  tokenize(text: string, options: TokenizeOptions): Promise<readonly TextToken[]> {
    return this.#embedder.tokenize(text, options);
  }

  tokenIds(text: string, options: TokenizeOptions): Promise<Int32Array> {
    return this.#embedder.tokenIds(text, options);
  }

  detokenize(tokens: readonly number[]): Promise<string> {
    return this.#embedder.detokenize(tokens);
  }

  stats(): ModelStats {
    return { sequencesRunning: this.#running, sequencesQueued: 0 };
  }

  close(): Promise<void> {
    this.#closing ??= this.#embedder.close().then(() => this.#model.dispose());
    return this.#closing;
  }
}

function generatesNothing(): VserveError {
  return new VserveError('unsupported_capability', 'This model only embeds: send its inputs to /v1/embeddings.');
}
