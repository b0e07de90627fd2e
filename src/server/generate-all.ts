import type { ParsedRequest } from '../api/index.ts';
import type { GenerationEvent } from '../backend/index.ts';
import type { GenerateOptions } from './generate.ts';
import { generate } from './generate.ts';

/**
 * The generations that one request asks for, each with a turn of its own, as one: the answers are numbered on. The first
 * failure ends all of them.
 */
export function generateAll(
  requests: readonly ParsedRequest[],
  options: GenerateOptions,
): AsyncIterableIterator<GenerationEvent, undefined, undefined> {
  const [first] = requests;
  if (first === undefined) throw new TypeError('There is nothing to generate.');
  return requests.length === 1 ? generate(first, options) : merged(requests, options);
}

async function* merged(
  requests: readonly ParsedRequest[],
  options: GenerateOptions,
): AsyncGenerator<GenerationEvent, undefined, undefined> {
  const stop = new AbortController();
  const meeting = new Meeting();
  let waiting = requests.length;
  const onBodyUsed = (): void => {
    waiting -= 1;
    if (waiting === 0) options.onBodyUsed();
  };
  let firstChoice = 0;
  const running = requests.map((request) => {
    // Of its own: each signal is listened to once.
    const signal = AbortSignal.any([options.signal, stop.signal]);
    const events = generate(request, { ...options, signal, onBodyUsed });
    const taken = meeting.take(events, firstChoice);
    firstChoice += request.choices;
    return taken;
  });
  const ended = Promise.all(running).then(
    () => meeting.end(),
    (error: unknown) => meeting.end(error),
  );
  try {
    for (;;) {
      const event = await meeting.next();
      if (event === undefined) return undefined;
      yield event;
    }
  } finally {
    stop.abort(options.signal.reason ?? new Error('Another generation of the request has failed.'));
    meeting.leave();
    await Promise.allSettled([...running, ended]);
  }
}

/** Where the events of several generations come together. Each waits until its event is taken. */
class Meeting {
  readonly #waiting: { readonly event: GenerationEvent; readonly taken: () => void }[] = [];
  #end: { readonly error?: unknown } | undefined;
  #isLeft = false;
  #wake: (() => void) | undefined;

  async take(events: AsyncIterable<GenerationEvent>, firstChoice: number): Promise<void> {
    for await (const event of events) {
      if (this.#isLeft) return;
      await new Promise<void>((taken) => {
        this.#waiting.push({ event: numbered(event, firstChoice), taken });
        this.#wake?.();
      });
    }
  }

  /** Undefined at the end. Throws the error that ended it, at once. */
  async next(): Promise<GenerationEvent | undefined> {
    for (;;) {
      if (this.#end !== undefined && 'error' in this.#end) throw this.#end.error;
      const first = this.#waiting.shift();
      if (first !== undefined) {
        first.taken();
        return first.event;
      }
      if (this.#end !== undefined) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  end(...error: readonly unknown[]): void {
    this.#end = error.length > 0 ? { error: error[0] } : {};
    this.#wake?.();
  }

  /** Nothing more will be taken. */
  leave(): void {
    this.#isLeft = true;
    for (const { taken } of this.#waiting.splice(0)) taken();
  }
}

function numbered(event: GenerationEvent, firstChoice: number): GenerationEvent {
  return event.type === 'progress' ? event : { ...event, choice: firstChoice + (event.choice ?? 0) };
}
