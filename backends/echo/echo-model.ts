import type {
  Embedding,
  EmbedRequest,
  GenerateRequest,
  GenerationEvent,
  LoadedModel,
  ModelInfo,
  ModelStats,
  PromptRequest,
  TextToken,
} from '../../src/backend/index.ts';
import { IMAGE_MARKER } from '../../src/backend/index.ts';
import { VserveError } from '../../src/errors/index.ts';
import { answerTo, promptTokensOf, tokensOf, wordsOf } from './answer.ts';
import { embeddingOf } from './echo-embedding.ts';
import type { EchoHooks } from './echo-hooks.ts';
import { EchoVocabulary } from './echo-vocabulary.ts';
import { Turnstile } from './turnstile.ts';

/** A model that repeats the last user message; `answerTo` defines its tokens. */
export class EchoModel implements LoadedModel {
  readonly info: ModelInfo;
  readonly #hooks: EchoHooks;
  readonly #turnstile: Turnstile;
  readonly #vocabulary = new EchoVocabulary();
  readonly #closing = new AbortController();

  constructor(info: ModelInfo, hooks: EchoHooks) {
    this.info = info;
    this.#hooks = hooks;
    this.#turnstile = new Turnstile(info.maxBatchSize);
  }

  async *generate(request: GenerateRequest, signal: AbortSignal): AsyncGenerator<GenerationEvent, void, undefined> {
    const end = AbortSignal.any([signal, this.#closing.signal]);
    let finished = false;
    let reason: unknown;
    try {
      yield* this.#generate(request, end);
      finished = true;
    } catch (error) {
      reason = error;
      throw error;
    } finally {
      if (!finished) this.#hooks.onEndEarly?.(reason);
    }
  }

  async *#generate(request: GenerateRequest, signal: AbortSignal): AsyncGenerator<GenerationEvent, void, undefined> {
    signal.throwIfAborted();
    const { promptTokens, deltas, reason } = answerTo(request, this.info.contextLength, this.#vocabulary);
    if (promptTokens >= this.info.contextLength) {
      const message = `This model's maximum context length is ${this.info.contextLength} tokens, the answer included, and the prompt has ${promptTokens}. Shorten the conversation.`;
      throw new VserveError('context_length_exceeded', message, { param: 'messages' });
    }
    const submittedAt = performance.now();
    await this.#turnstile.enter(signal);
    try {
      const admittedAt = performance.now();
      await unlessAborted(this.#hooks.beforeStart?.(), signal);
      yield { type: 'start', promptTokens };
      const startedAt = performance.now();
      for (const [index, text] of deltas.entries()) {
        await unlessAborted(this.#hooks.beforeDelta?.(index), signal);
        if (text !== '') yield { type: 'text-delta', text, tokens: 1 };
        signal.throwIfAborted();
      }
      yield {
        type: 'finish',
        reason,
        usage: { promptTokens, cachedTokens: 0, completionTokens: deltas.length },
        timings: {
          queueMs: admittedAt - submittedAt,
          prefillMs: startedAt - admittedAt,
          decodeMs: performance.now() - startedAt,
        },
      };
    } finally {
      this.#turnstile.leave();
    }
  }

  countPrompt(request: PromptRequest): Promise<number> {
    return later(() => promptTokensOf(request, this.#vocabulary));
  }

  /** The texts of the messages, a line for each. */
  renderPrompt({ messages }: PromptRequest): Promise<string> {
    const contents = messages.map(({ content }) =>
      content.map((part) => (part.type === 'text' ? part.text : IMAGE_MARKER)).join(' '),
    );
    return Promise.resolve(contents.join('\n'));
  }

  tokenize(text: string): Promise<readonly TextToken[]> {
    return Promise.resolve(
      wordsOf(text).map((word) => ({ id: this.#vocabulary.idOf(word), bytes: new TextEncoder().encode(word) })),
    );
  }

  detokenize(tokens: readonly number[]): Promise<string> {
    return later(() => tokens.map((token) => this.#vocabulary.textOf(token)).join(''));
  }

  embed({ input }: EmbedRequest, signal: AbortSignal): Promise<Embedding> {
    return later(() => {
      signal.throwIfAborted();
      const tokens = tokensOf(input, this.#vocabulary);
      return { vector: embeddingOf(tokens), promptTokens: tokens.length };
    });
  }

  stats(): ModelStats {
    return { sequencesRunning: this.#turnstile.taken, sequencesQueued: this.#turnstile.waiting };
  }

  close(): Promise<void> {
    this.#closing.abort(new VserveError('model_closed', 'The model is closed.'));
    return Promise.resolve();
  }
}

/** What a function returns or throws, as a promise. */
function later<T>(compute: () => T): Promise<T> {
  return Promise.resolve().then(compute);
}

/** Waits for a promise until the signal aborts, then rejects with its reason. */
async function unlessAborted(promise: Promise<void> | void, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (promise === undefined) return;
  await new Promise<void>((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
