import { describe, expect, it } from 'vitest';
import { AnswerEvents } from '../../../backends/node-llama-cpp/answer-events.ts';
import { Generation } from '../../../backends/node-llama-cpp/generation.ts';
import { VserveError } from '../../../src/errors/index.ts';

const finish = (index: number, text = '') => ({
  kind: 'finish' as const,
  id: 1,
  index,
  text,
  reason: 'stop' as const,
  promptTokens: 3,
  cachedTokens: 0,
  completionTokens: 2,
  thoughtTokens: 0,
  prefillSteps: 1,
  decodeSteps: 1,
  queueMs: 0,
  prefillMs: 0,
  encodeMs: 0,
  decodeMs: 0,
  reports: [],
  unshownReports: [],
});

/** A generation whose events a test makes, and how often it was dropped. */
function generation(choices = 1, signal = new AbortController().signal) {
  const answers = new AnswerEvents(choices, {});
  let drops = 0;
  const events = new Generation({
    answers,
    signal,
    submit: () => Promise.resolve(3),
    drop() {
      drops += 1;
    },
  });
  return { answers, events, drops: () => drops };
}

describe('the events of a generation', () => {
  it('merge what a slow reader has yet to take, and keep text, thoughts and answers apart', async () => {
    const { answers, events } = generation(2);
    expect(await events.next()).toEqual({ done: false, value: { type: 'start', promptTokens: 3 } });
    answers.addText(0, true, 'I ', 1);
    answers.addText(0, true, 'think', 1);
    answers.addText(1, false, 'b', 1);
    answers.addText(0, false, 'so', 1);
    answers.addText(0, false, '', 1);
    answers.addText(0, false, '.', 1);
    answers.add(finish(0, '!'));
    answers.add(finish(1));
    const all = [];
    for await (const event of events) all.push(event);
    expect(all.map((event) => ('text' in event ? event : event.type))).toEqual([
      { type: 'reasoning-delta', text: 'I think', tokens: 2 },
      { type: 'text-delta', text: 'so.!', tokens: 3 },
      'finish',
      { type: 'text-delta', text: 'b', tokens: 1, choice: 1 },
      'finish',
    ]);
  });

  it('reach a reader that waits', async () => {
    const { answers, events, drops } = generation();
    await events.next();
    const next = events.next();
    answers.addText(0, false, 'a', 1);
    events.settle();
    expect((await next).value).toEqual({ type: 'text-delta', text: 'a', tokens: 1 });
    const last = events.next();
    answers.add(finish(0));
    events.settle();
    expect((await last).value).toMatchObject({ type: 'finish' });
    expect(drops()).toBe(0);
    expect(await events.next()).toEqual({ done: true, value: undefined });
    expect(drops()).toBe(1);
  });

  it('end with a failure, after what came before it', async () => {
    const { answers, events } = generation();
    await events.next();
    answers.addText(0, false, 'a', 1);
    answers.add({ kind: 'failure', id: 1, text: 'The device is gone.', code: 'generation_failed' });
    expect((await events.next()).value).toMatchObject({ text: 'a' });
    await expect(events.next()).rejects.toThrow(new VserveError('generation_failed', 'The device is gone.'));
    expect(await events.next()).toEqual({ done: true, value: undefined });
  });

  it('end with an abort at once, and when their reader leaves', async () => {
    const aborted = new AbortController();
    const cancelled = generation(1, aborted.signal);
    await cancelled.events.next();
    const next = cancelled.events.next();
    aborted.abort(new Error('The client left.'));
    await expect(next).rejects.toThrow('The client left.');
    expect(cancelled.drops()).toBeGreaterThan(0);

    const left = generation();
    for await (const event of left.events) {
      expect(event.type).toBe('start');
      break;
    }
    expect(left.drops()).toBe(1);
    expect(await left.events.next()).toEqual({ done: true, value: undefined });
  });
});
