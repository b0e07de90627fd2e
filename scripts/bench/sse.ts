/** The parts of a `chat.completion.chunk` that the bench reads. */
export interface Chunk {
  readonly choices: readonly { readonly delta: { readonly content?: string | null } }[];
  readonly usage?: {
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    readonly prompt_tokens_details?: { readonly cached_tokens?: number } | null;
  } | null;
  readonly error?: { readonly message: string };
}

/** A stream of text deltas, timed as they arrive. Times are `performance.now()` milliseconds. */
export interface TimedStream {
  readonly textAtMs: number[];
  text: string;
  promptTokens: number;
  /** Of the prompt's, those that the server did not compute again. */
  cachedTokens: number;
  completionTokens: number;
}

/**
 * Cuts a server-sent event stream, given in pieces of any size, into the JSON of its `data:` lines, without the closing
 * `[DONE]`. Both servers send one line an event.
 */
export async function* sseChunks(
  pieces: AsyncIterable<string> | Iterable<string>,
): AsyncGenerator<Chunk, void, undefined> {
  let pending = '';
  for await (const piece of pieces) {
    const lines = (pending + piece).split(/\r?\n/);
    pending = lines.pop() ?? '';
    for (const line of lines) {
      const data = /^data: ?(.*)$/.exec(line)?.[1];
      if (data !== undefined && data !== '[DONE]') yield JSON.parse(data) as Chunk;
    }
  }
}

/**
 * Reads a stream to its end. `onText` is called for every chunk that holds text. `now` is the clock.
 * Throws when the server reports an error in the stream.
 */
export async function timeStream(
  pieces: AsyncIterable<string> | Iterable<string>,
  onText: () => void = () => undefined,
  now: () => number = () => performance.now(),
): Promise<TimedStream> {
  const stream: TimedStream = { textAtMs: [], text: '', promptTokens: 0, cachedTokens: 0, completionTokens: 0 };
  for await (const { choices, usage, error } of sseChunks(pieces)) {
    if (error !== undefined) throw new Error(`The server broke off: ${error.message}`);
    const content = choices[0]?.delta.content ?? '';
    if (content !== '') {
      stream.textAtMs.push(now());
      stream.text += content;
      onText();
    }
    stream.promptTokens = usage?.prompt_tokens ?? stream.promptTokens;
    stream.cachedTokens = usage?.prompt_tokens_details?.cached_tokens ?? stream.cachedTokens;
    stream.completionTokens = usage?.completion_tokens ?? stream.completionTokens;
  }
  return stream;
}
