import { StringDecoder } from 'node:string_decoder';
import type { Dispatcher } from 'undici';

/** Text that has come and was not asked for, above which the upstream is held back. */
const MAX_AHEAD_CHARACTERS = 256 * 1024;

/** The beginning of a response. */
export interface ResponseHead {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** Takes the pieces of a response as they come. One of `end` and `fail` comes last, once. */
export interface PieceReader {
  piece(text: string): void;
  end(): void;
  fail(reason: unknown): void;
}

interface Waiting {
  readonly resolve: (piece: string | undefined) => void;
  readonly reject: (reason: unknown) => void;
}

interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
}

function deferred<T>(): Deferred<T> {
  const settle: Partial<Pick<Deferred<T>, 'resolve' | 'reject'>> = {};
  const promise = new Promise<T>((resolve, reject) => Object.assign(settle, { resolve, reject }));
  return { promise, resolve: (value) => settle.resolve?.(value), reject: (reason) => settle.reject?.(reason) };
}

/**
 * One request to an upstream, and the text of its response, piece by piece as it comes: to a reader, or to who asks for the
 * next one. Who is far behind holds back the upstream on this connection, and on no other. Neither streams nor generators:
 * every token comes through here.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  /** Resolves with the head; rejects with the error of the connection, or the reason of an abort. */
  readonly head: Promise<ResponseHead>;
  readonly #onHeard: () => void;
  readonly #resolveHead: (head: ResponseHead) => void;
  readonly #rejectHead: (reason: unknown) => void;
  readonly #decoder = new StringDecoder('utf8');
  readonly #ahead: string[] = [];
  #aheadCharacters = 0;
  #waiting: Waiting | undefined;
  #reader: PieceReader | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #isSent = false;
  #hasEnded = false;
  #failure: { readonly reason: unknown } | undefined;

  /** `onHeard` is told of all that comes. */
  constructor(onHeard: () => void = () => undefined) {
    this.#onHeard = onHeard;
    const { promise, resolve, reject } = deferred<ResponseHead>();
    this.head = promise;
    this.#resolveHead = resolve;
    this.#rejectHead = reject;
    this.head.catch(() => undefined);
  }

  /** Whether anything of the request may have reached the upstream. */
  get isSent(): boolean {
    return this.#isSent;
  }

  /** Gives a reader what has come and all that will; what it has is ahead of its use until it says `consumed`. */
  readWith(reader: PieceReader): void {
    this.#reader = reader;
    for (const piece of this.#ahead.splice(0)) reader.piece(piece);
    if (this.#failure !== undefined) reader.fail(this.#failure.reason);
    else if (this.#hasEnded) reader.end();
  }

  /** The reader has used all that it was given. */
  consumed(): void {
    this.#aheadCharacters = 0;
    if (this.#controller?.paused === true) this.#controller.resume();
  }

  /** The next piece; undefined at the end. One call at a time. */
  next(): Promise<string | undefined> {
    const piece = this.#ahead.shift();
    if (piece !== undefined) {
      this.#aheadCharacters -= piece.length;
      if (this.#aheadCharacters < MAX_AHEAD_CHARACTERS && this.#controller?.paused === true) this.#controller.resume();
      return Promise.resolve(piece);
    }
    if (this.#failure !== undefined) return Promise.reject(this.#failure.reason);
    if (this.#hasEnded) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  /** All text that is left, up to a limit; what is behind it is not read. */
  async text(maxCharacters: number): Promise<string> {
    let text = '';
    for (let piece = await this.next(); piece !== undefined; piece = await this.next()) {
      text += piece;
      if (text.length > maxCharacters) {
        this.abort(new Error('The response is too long.'));
        return text.slice(0, maxCharacters);
      }
    }
    return text;
  }

  /** Closes the connection, by which the upstream stops. After the end it does nothing. */
  abort(reason: unknown): void {
    if (this.#hasEnded) return;
    this.#fail(reason);
    this.#controller?.abort(reason as Error);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#failure !== undefined) controller.abort(this.#failure.reason as Error);
    else this.#isSent = true;
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    this.#onHeard();
    if (status >= 200) this.#resolveHead({ status, headers });
  }

  onResponseData(controller: Dispatcher.DispatchController, bytes: Buffer): void {
    this.#onHeard();
    this.#give(this.#decoder.write(bytes));
    if (this.#aheadCharacters >= MAX_AHEAD_CHARACTERS) controller.pause();
  }

  onResponseEnd(): void {
    this.#give(this.#decoder.end());
    this.#hasEnded = true;
    if (this.#failure === undefined) this.#reader?.end();
    this.#waiting?.resolve(undefined);
    this.#waiting = undefined;
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#fail(error);
  }

  #give(piece: string): void {
    if (piece === '' || this.#failure !== undefined) return;
    if (this.#reader !== undefined) {
      this.#aheadCharacters += piece.length;
      this.#reader.piece(piece);
      return;
    }
    const waiting = this.#waiting;
    if (waiting === undefined) {
      this.#ahead.push(piece);
      this.#aheadCharacters += piece.length;
      return;
    }
    this.#waiting = undefined;
    waiting.resolve(piece);
  }

  /** What has come already can be asked for still, unless the request was given up. */
  #fail(reason: unknown): void {
    if (this.#failure !== undefined || this.#hasEnded) return;
    this.#failure = { reason };
    this.#rejectHead(reason);
    this.#reader?.fail(reason);
    this.#waiting?.reject(reason);
    this.#waiting = undefined;
  }
}
