import { createParser } from 'eventsource-parser';
import { isCodedError, VserveError } from '../errors/index.ts';
import type { Endpoint } from './endpoint.ts';
import { connectionError, send, streamError } from './send.ts';

/** OpenAI's message. */
export interface Message {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string | readonly ContentPart[];
}

export type ContentPart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'image_url'; readonly image_url: { readonly url: string } };

/** The fields of a chat completion request, but for those that make it a stream. */
export interface ChatRequest {
  readonly model: string;
  readonly messages: readonly Message[];
  readonly [field: string]: unknown;
}

export interface ChatOptions {
  readonly signal: AbortSignal;
  /** The next piece of the answer. */
  readonly onText?: (text: string) => void;
  /** The next piece of the reasoning before it. */
  readonly onReasoning?: (text: string) => void;
}

/** What became of an image of the request. Sizes in pixels, upright. */
export interface SeenImage {
  /** As it came. */
  readonly sent: { readonly width: number; readonly height: number };
  /** As the model saw it. */
  readonly seen?: { readonly width: number; readonly height: number };
}

/** Times are `performance.now()` milliseconds. Token counts are undefined where the server tells none. */
export interface ChatAnswer {
  readonly text: string;
  readonly reasoning: string;
  /** Undefined if the server has told none. */
  readonly finishReason: string | undefined;
  readonly model: string | undefined;
  readonly promptTokens: number | undefined;
  readonly cachedTokens: number | undefined;
  readonly completionTokens: number | undefined;
  /** Of the request's images, in order; undefined unless the request asks for them and the server knows them. */
  readonly images: readonly SeenImage[] | undefined;
  readonly sentAtMs: number;
  /** Of the first piece; undefined for an empty answer. */
  readonly firstAtMs: number | undefined;
  readonly endedAtMs: number;
}

/**
 * Asks for a chat completion, as a stream. Resolves when it has ended. Throws `server_unreachable` and what the server
 * answers; after an abort, the signal's reason.
 */
export async function chat(endpoint: Endpoint, request: ChatRequest, options: ChatOptions): Promise<ChatAnswer> {
  const reader = new AnswerReader(endpoint, options);
  const body = { ...request, stream: true, stream_options: { include_usage: true } };
  const response = await send(endpoint, '/chat/completions', { body, signal: options.signal });
  const parser = createParser({ onEvent: ({ data }) => reader.read(data) });
  try {
    response.body.setEncoding('utf8');
    for await (const text of response.body) parser.feed(String(text));
  } catch (error) {
    throw isCodedError(error) ? error : connectionError(error, endpoint, options.signal);
  }
  return reader.end();
}

/** The parts of a `chat.completion.chunk` that are read. */
interface Chunk {
  readonly model?: string;
  readonly choices?: readonly {
    readonly delta?: {
      readonly content?: string | null;
      readonly reasoning_content?: string | null;
      readonly reasoning?: string | null;
    };
    readonly finish_reason?: string | null;
  }[];
  readonly usage?: {
    readonly prompt_tokens?: number;
    readonly completion_tokens?: number;
    readonly prompt_tokens_details?: { readonly cached_tokens?: number } | null;
  } | null;
  readonly image_details?: readonly SeenImage[] | null;
  readonly error?: { readonly message?: string } | string;
}

/** Puts the answer together. */
class AnswerReader {
  readonly #endpoint: Endpoint;
  readonly #options: ChatOptions;
  readonly #sentAtMs = performance.now();
  #firstAtMs: number | undefined;
  #text = '';
  #reasoning = '';
  #last: Chunk = {};
  #usage: NonNullable<Chunk['usage']> = {};
  #images: readonly SeenImage[] | undefined;
  #finishReason: string | undefined;
  #isComplete = false;

  constructor(endpoint: Endpoint, options: ChatOptions) {
    this.#endpoint = endpoint;
    this.#options = options;
  }

  /** The data of the next event. */
  read(data: string): void {
    if (data === '[DONE]') {
      this.#isComplete = true;
      return;
    }
    const chunk = this.#parsed(data);
    if (chunk.error !== undefined) throw streamError(chunk.error, this.#endpoint);
    this.#last = chunk;
    this.#usage = chunk.usage ?? this.#usage;
    this.#images = chunk.image_details ?? this.#images;
    const [choice] = chunk.choices ?? [];
    if (choice === undefined) return;
    this.#finishReason = choice.finish_reason ?? this.#finishReason;
    const { content, reasoning_content: long, reasoning: short } = choice.delta ?? {};
    this.#take(content ?? '', long ?? short ?? '');
  }

  end(): ChatAnswer {
    if (!this.#isComplete && this.#finishReason === undefined) {
      throw new VserveError('server_unreachable', `${this.#endpoint.name} broke the answer off.`);
    }
    return {
      text: this.#text,
      reasoning: this.#reasoning,
      finishReason: this.#finishReason,
      model: this.#last.model,
      promptTokens: this.#usage.prompt_tokens,
      cachedTokens: this.#usage.prompt_tokens_details?.cached_tokens,
      completionTokens: this.#usage.completion_tokens,
      images: this.#images,
      sentAtMs: this.#sentAtMs,
      firstAtMs: this.#firstAtMs,
      endedAtMs: performance.now(),
    };
  }

  #parsed(data: string): Chunk {
    try {
      const chunk: unknown = JSON.parse(data);
      if (typeof chunk === 'object' && chunk !== null) return chunk;
    } catch {
      // Told below.
    }
    throw new VserveError('server_unreachable', `${this.#endpoint.name} sent an event that is not JSON.`);
  }

  #take(text: string, reasoning: string): void {
    if (text === '' && reasoning === '') return;
    this.#firstAtMs ??= performance.now();
    this.#reasoning += reasoning;
    this.#text += text;
    if (reasoning !== '') this.#options.onReasoning?.(reasoning);
    if (text !== '') this.#options.onText?.(text);
  }
}
