import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { GenerateRequest } from '../generate-request.ts';
import type { GenerationEvent } from '../generation-event.ts';
import type { LoadedModel } from '../loaded-model.ts';

/** How long to wait before the statistics are looked at again: nothing tells of a change. */
const POLL_MS = 2;

type EventOf<Type extends GenerationEvent['type']> = Extract<GenerationEvent, { readonly type: Type }>;

/** A generation that has ended. */
export interface Observed {
  readonly events: readonly GenerationEvent[];
  readonly start: EventOf<'start'>;
  /** Of its first answer. */
  readonly finish: EventOf<'finish'>;
  /** Of that answer, without its reasoning. */
  readonly text: string;
}

/** Runs a generation to its end. Throws what it throws. */
export async function observe(model: LoadedModel, request: GenerateRequest, signal: AbortSignal): Promise<Observed> {
  const events: GenerationEvent[] = [];
  for await (const event of model.generate(request, signal)) events.push(event);
  const [start] = eventsOf(events, 'start');
  const finish = eventsOf(events, 'finish').find(({ choice = 0 }) => choice === 0);
  assert.ok(start !== undefined, 'A generation ended without a start event.');
  assert.ok(finish !== undefined, 'A generation ended without a finish event.');
  return { events, start, finish, text: textOf(events) };
}

export function eventsOf<Type extends GenerationEvent['type']>(
  events: readonly GenerationEvent[],
  type: Type,
): EventOf<Type>[] {
  return events.filter((event): event is EventOf<Type> => event.type === type);
}

/** The text of one of the answers. */
export function textOf(events: readonly GenerationEvent[], choice = 0): string {
  return eventsOf(events, 'text-delta')
    .filter((delta) => (delta.choice ?? 0) === choice)
    .map(({ text }) => text)
    .join('');
}

/** Begins a generation, and reads it up to its first delta. */
export async function begin(
  model: LoadedModel,
  request: GenerateRequest,
  signal: AbortSignal,
): Promise<AsyncIterator<GenerationEvent, unknown>> {
  const events = model.generate(request, signal)[Symbol.asyncIterator]();
  for (;;) {
    const next = await events.next();
    assert.ok(next.done !== true && next.value.type !== 'finish', 'A long answer ended before its first delta.');
    if ('tokens' in next.value) return events;
  }
}

/** The error that a generation throws, read on. `most`: events that may come before it. */
export async function failureOf(events: AsyncIterator<GenerationEvent, unknown>, most: number): Promise<unknown> {
  for (let count = 0; count <= most; count += 1) {
    const end = await events.next().then(
      ({ done }) => (done === true ? 'done' : undefined),
      (error: unknown) => ({ error }),
    );
    if (typeof end === 'object') return end.error;
    assert.ok(end === undefined, 'The generation ended as if nothing had happened, where it should have thrown.');
  }
  throw new assert.AssertionError({ message: `The generation went on for more than ${String(most)} events.` });
}

/** Waits until a model runs nothing. */
export async function idle(model: LoadedModel, signal: AbortSignal): Promise<void> {
  for (;;) {
    const { sequencesRunning, sequencesQueued } = model.stats();
    if (sequencesRunning === 0 && sequencesQueued === 0) return;
    await sleep(POLL_MS, undefined, { signal });
  }
}
