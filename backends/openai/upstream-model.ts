import type {
  AskedImage,
  BackendMetric,
  Embedding,
  EmbedRequest,
  GenerateRequest,
  GenerationEvent,
  LoadedModel,
  ModelInfo,
  ModelStats,
  PromptRequest,
  TextToken,
  TokenizeOptions,
} from '../../src/backend/index.ts';
import { VserveError } from '../../src/errors/index.ts';
import type { ImageUris } from './images/image-uris.ts';
import { SideRequests } from './side-requests.ts';
import { UpstreamGeneration } from './upstream-generation.ts';
import type { UpstreamGroup } from './upstream-group.ts';
import { upstreamMetrics } from './upstream-metrics.ts';

export interface UpstreamModelOptions {
  readonly info: ModelInfo;
  readonly group: UpstreamGroup;
  readonly images: ImageUris;
  readonly passesUrls: boolean;
  readonly reload: () => Promise<void>;
}

/** A model that other servers compute. */
export class UpstreamModel implements LoadedModel {
  readonly info: ModelInfo;
  readonly imagesAs: 'files' | 'urls';
  readonly #options: UpstreamModelOptions;
  readonly #side: SideRequests;
  readonly #closing = new AbortController();

  constructor(options: UpstreamModelOptions) {
    this.info = options.info;
    this.imagesAs = options.passesUrls ? 'urls' : 'files';
    this.#options = options;
    this.#side = new SideRequests(options.group);
  }

  generate(request: GenerateRequest, signal: AbortSignal): AsyncIterable<GenerationEvent> {
    const { group, images } = this.#options;
    return new UpstreamGeneration(request, group, images, this.#until(signal));
  }

  encodedImage(image: AskedImage, cacheSalt: string): object | undefined {
    return this.#options.images.find(image, cacheSalt);
  }

  countPrompt(request: PromptRequest, signal: AbortSignal): Promise<number> {
    return this.#side.countPrompt(request, this.#until(signal));
  }

  renderPrompt(request: PromptRequest, signal: AbortSignal): Promise<string> {
    return this.#side.renderPrompt(request, this.#until(signal));
  }

  tokenize(text: string, options: TokenizeOptions): Promise<readonly TextToken[]> {
    return this.#side.tokenize(text, options);
  }

  detokenize(tokens: readonly number[]): Promise<string> {
    return this.#side.detokenize(tokens);
  }

  embed(request: EmbedRequest, signal: AbortSignal): Promise<Embedding> {
    return this.#side.embed(request, this.#until(signal));
  }

  stats(): ModelStats {
    const { group } = this.#options;
    const running = group.all.reduce((sum, { inFlight }) => sum + inFlight, 0);
    return { sequencesRunning: running, sequencesQueued: group.waiting };
  }

  metrics(): readonly BackendMetric[] {
    return upstreamMetrics(this.#options.group);
  }

  /** With none up, requests are let through, to be told so. */
  capacity(): number {
    return this.#options.group.capacity || this.info.maxBatchSize;
  }

  reload(): Promise<void> {
    return this.#options.reload();
  }

  async close(): Promise<void> {
    this.#closing.abort(new VserveError('model_closed', 'The model is closed.'));
    await Promise.all(this.#options.group.all.map((upstream) => upstream.destroy()));
  }

  #until(signal: AbortSignal): AbortSignal {
    return AbortSignal.any([signal, this.#closing.signal]);
  }
}
