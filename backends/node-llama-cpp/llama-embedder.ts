import type { Embedding, EmbedRequest, PromptPart, TextToken, TokenizeOptions } from '../../src/backend/index.ts';
import { IMAGE_MARKER } from '../../src/backend/loaded-model.ts';
import { VserveError } from '../../src/errors/index.ts';
import type { ImageBudgets } from './image-budget/image-budgets.ts';
import type { EmbedderTraits, NativeEmbedder, NativePrompt } from './native-addon.ts';
import { fromNative } from './native-errors.ts';
import { toNativePrompt, toTokens } from './native-prompt.ts';
import { textTokens } from './text-tokens.ts';

/** Computes the embeddings of a model, in a context of its own. */
export class LlamaEmbedder {
  readonly #native: NativeEmbedder;
  readonly #traits: EmbedderTraits;
  readonly #budgets: ImageBudgets;
  readonly #pending = new Map<number, Promise<unknown>>();
  #lastId = 0;
  #closing: Promise<void> | undefined;

  private constructor(native: NativeEmbedder, traits: EmbedderTraits, budgets: ImageBudgets) {
    this.#native = native;
    this.#traits = traits;
    this.#budgets = budgets;
  }

  /** Throws `out_of_memory`, `model_load_failed`. */
  static async load(native: NativeEmbedder, budgets: ImageBudgets): Promise<LlamaEmbedder> {
    try {
      return new LlamaEmbedder(native, await native.load(), budgets);
    } catch (error) {
      await native.close();
      throw fromNative(error);
    }
  }

  get seesImages(): boolean {
    return this.#traits.seesImages;
  }

  get dimensions(): number {
    return this.#traits.dimensions;
  }

  async embed(
    { input, cacheSalt, imageProcessor, client = [] }: EmbedRequest,
    signal: AbortSignal,
  ): Promise<Embedding> {
    signal.throwIfAborted();
    const { vocabularySize } = this.#traits;
    const { prompt, images, places } = toNativePrompt(input, vocabularySize, this.#budgets, imageProcessor);
    const id = ++this.#lastId;
    const forget = (): void => {
      if (this.#closing === undefined) this.#native.forget(id);
    };
    signal.addEventListener('abort', forget, { once: true });
    try {
      return await this.#use(id, () => this.#native.embed(id, { prompt }, images, cacheSalt, client), places);
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener('abort', forget);
      forget();
    }
  }

  async countPrompt(input: readonly PromptPart[]): Promise<number> {
    const { prompt, images, places } = toNativePrompt(input, this.#traits.vocabularySize, this.#budgets);
    return this.#use(++this.#lastId, () => this.#native.countPrompt({ prompt }, images), places);
  }

  /** The text of a prompt, with `IMAGE_MARKER` in place of each image. */
  async renderPrompt(prompt: NativePrompt, imageCount: number): Promise<string> {
    return this.#use(++this.#lastId, () => this.#native.renderPrompt(prompt, imageCount, IMAGE_MARKER));
  }

  async tokenize(text: string, options: TokenizeOptions): Promise<readonly TextToken[]> {
    const ids = await this.tokenIds(text, options);
    return textTokens(ids, (slice) => this.#use(++this.#lastId, () => this.#native.pieces(slice)));
  }

  tokenIds(text: string, { addSpecial, parseSpecial }: TokenizeOptions): Promise<Int32Array> {
    return this.#use(++this.#lastId, () => this.#native.tokenize(text, parseSpecial, addSpecial));
  }

  async detokenize(tokens: readonly number[]): Promise<string> {
    const given = toTokens(tokens, this.#traits.vocabularySize);
    const pieces = await this.#use(++this.#lastId, () => this.#native.pieces(given));
    return Buffer.from(pieces.join(''), 'latin1').toString();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#native.close();
    await Promise.allSettled(this.#pending.values());
  }

  async #use<T>(id: number, use: () => Promise<T>, places?: readonly (string | undefined)[]): Promise<T> {
    if (this.#closing !== undefined) throw modelClosed();
    const used = use();
    this.#pending.set(id, used);
    try {
      return await used;
    } catch (error) {
      throw this.#closing === undefined ? fromNative(error, places, 'input') : modelClosed();
    } finally {
      this.#pending.delete(id);
    }
  }
}

function modelClosed(): VserveError {
  return new VserveError('model_closed', 'The model is closed.');
}
