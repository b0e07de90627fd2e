import assert from 'node:assert/strict';
import { begin, failureOf, idle, observe } from './observe.ts';
import type { Trial } from './trial.ts';

/** Events that may have been on their way when a generation was ended. */
const MOST_UNDERWAY = 16;
const MOST_AT_ONCE = 8;

/** What ends a generation from outside. */
export const endingTrials: readonly Trial[] = [
  {
    name: 'an abort ends a generation with its reason',
    async check({ model, askLong, signal }) {
      const controller = new AbortController();
      const reason = new Error('The client has left.');
      const events = await begin(model, askLong(), AbortSignal.any([signal, controller.signal]));
      controller.abort(reason);
      assert.equal(await failureOf(events, MOST_UNDERWAY), reason, 'It threw something else than the reason.');
      await idle(model, signal);
    },
  },
  {
    name: 'a generation whose signal is aborted already never begins',
    async check({ model, ask }) {
      const reason = new Error('The client has left.');
      const events = model.generate(ask(), AbortSignal.abort(reason))[Symbol.asyncIterator]();
      assert.equal(await failureOf(events, 0), reason);
    },
  },
  {
    name: 'places of aborted generations are free again',
    async check({ model, ask, askLong, signal }) {
      const controller = new AbortController();
      const until = AbortSignal.any([signal, controller.signal]);
      const count = Math.min(model.info.maxBatchSize, MOST_AT_ONCE);
      const running = await Promise.all(Array.from({ length: count }, () => begin(model, askLong(), until)));
      // It may begin, or wait for a place.
      const last = model.generate(askLong(), until)[Symbol.asyncIterator]();
      const first = last.next().catch(() => undefined);
      controller.abort(new Error('All clients have left.'));
      await Promise.all(running.map((events) => failureOf(events, MOST_UNDERWAY)));
      if ((await first) !== undefined) await failureOf(last, MOST_UNDERWAY);
      await idle(model, signal);
      await observe(model, ask(), signal);
    },
  },
  {
    name: 'returning from the iterator frees the place',
    async check({ model, askLong, signal }) {
      const events = await begin(model, askLong(), signal);
      await events.return?.();
      await idle(model, signal);
    },
  },
  {
    name: 'close ends running generations with model_closed, and may be called again',
    async check({ load, askLong, signal }) {
      const model = await load();
      const events = await begin(model, askLong(), signal);
      const closed = model.close();
      const error = await failureOf(events, MOST_UNDERWAY);
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      assert.equal(code, 'model_closed', `A generation of a closed model threw ${String(error)}.`);
      await closed;
      await model.close();
    },
  },
  {
    name: 'loading ends with the reason of an abort',
    async check({ load }) {
      const reason = new Error('The server is told to stop.');
      const outcome = await load(AbortSignal.abort(reason)).then(
        (model) => model.close().then(() => 'loaded'),
        (error: unknown) => error,
      );
      assert.equal(outcome, reason);
    },
  },
];
