import assert from 'node:assert/strict';
import type { GenerationEvent } from '../generation-event.ts';
import { errorCodes } from '../../errors/index.ts';
import { eventsOf, idle, observe } from './observe.ts';
import { textTurn } from './requests.ts';
import type { Trial } from './trial.ts';

/** Places in the order of a generation. */
const ORDER: Readonly<Record<GenerationEvent['type'], number>> = {
  start: 0,
  progress: 1,
  prefilled: 2,
  'text-delta': 3,
  'reasoning-delta': 3,
  'tool-call-delta': 3,
  finish: 4,
};
/** Half of a character that JavaScript writes as two. */
const HALF_CHARACTER = /\p{Surrogate}/u;
/** Concurrent requests of a case, at most. */
const MOST_AT_ONCE = 4;

/** What every generation has to be like. */
export const generationTrials: readonly Trial[] = [
  {
    name: 'events come in order: start, deltas, finish',
    async check({ model, ask, signal }) {
      const { events } = await observe(model, ask(), signal);
      const types = events.map(({ type }) => type);
      for (const [index, type] of types.entries()) {
        const before = types[index - 1];
        assert.ok(before === undefined || ORDER[before] <= ORDER[type], `${type} came after ${before ?? ''}.`);
      }
      for (const type of ['start', 'finish'] as const) {
        assert.equal(eventsOf(events, type).length, 1, `There must be one ${type} event of one answer.`);
      }
      assert.ok(eventsOf(events, 'prefilled').length <= 1, 'There is more than one prefilled event.');
      assert.equal(eventsOf(events, 'progress').length, 0, 'There are progress events that were not asked for.');
      assert.equal(eventsOf(events, 'tool-call-delta').length, 0, 'There is a call, and no tools.');
    },
  },
  {
    name: 'deltas have whole characters',
    async check({ model, askLong, signal }) {
      const { events } = await observe(model, askLong({ maxTokens: 64 }), signal);
      for (const event of events) {
        if (!('text' in event)) continue;
        assert.ok(!HALF_CHARACTER.test(event.text), `A delta has half a character: ${JSON.stringify(event.text)}`);
      }
    },
  },
  {
    name: 'usage counts the prompt and the answer',
    async check({ model, ask, signal }) {
      const { events, start, finish } = await observe(model, ask(), signal);
      const { promptTokens, cachedTokens, completionTokens, imageTokens = 0, reasoningTokens = 0 } = finish.usage;
      assert.ok(isCount(start.promptTokens) && start.promptTokens > 0, 'start.promptTokens must be a number above 0.');
      assert.equal(promptTokens, start.promptTokens, 'usage.promptTokens differs from that of the start event.');
      assert.ok(
        isCount(cachedTokens) && cachedTokens <= promptTokens,
        'usage.cachedTokens are not a part of the prompt.',
      );
      assert.ok(isCount(imageTokens) && imageTokens <= promptTokens, 'usage.imageTokens are not a part of the prompt.');
      const counts = events.flatMap((event) => ('tokens' in event ? [event.tokens] : []));
      assert.ok(counts.every(isCount), 'The tokens of a delta must be a whole number, and not negative.');
      const inDeltas = counts.reduce((sum, count) => sum + count, 0);
      assert.ok(isCount(completionTokens), 'usage.completionTokens must be a whole number.');
      assert.ok(inDeltas > 0, 'The deltas of an answer have no tokens.');
      assert.ok(completionTokens >= inDeltas, 'usage.completionTokens are fewer than those of the deltas.');
      assert.ok(isCount(reasoningTokens) && reasoningTokens <= completionTokens, 'usage.reasoningTokens are too many.');
    },
  },
  {
    name: 'timings are milliseconds',
    async check({ model, ask, signal }) {
      const { finish } = await observe(model, ask(), signal);
      const { queueMs, prefillMs, decodeMs, encodeMs = 0 } = finish.timings;
      for (const [name, ms] of Object.entries({ queueMs, prefillMs, decodeMs, encodeMs })) {
        assert.ok(Number.isFinite(ms) && ms >= 0, `timings.${name} is ${String(ms)}.`);
      }
    },
  },
  {
    name: 'maxTokens ends an answer, with the reason length',
    async check({ model, ask, askLong, signal }) {
      const { finish } = await observe(model, askLong({ maxTokens: 3 }), signal);
      assert.equal(finish.usage.completionTokens, 3, 'An answer of at most 3 tokens had another number.');
      assert.equal(finish.reason, 'length', 'An answer that maxTokens ended has another reason.');
      const whole = await observe(model, ask({ maxTokens: 200 }), signal);
      const { promptTokens, completionTokens } = whole.finish.usage;
      const isCut = completionTokens >= 200 || promptTokens + completionTokens >= model.info.contextLength;
      assert.equal(
        whole.finish.reason,
        isCut ? 'length' : 'stop',
        'The finish reason does not say what ended the answer.',
      );
    },
  },
  {
    name: 'several run at once, and each has its own answer',
    async check({ model, signal }) {
      const count = Math.min(model.info.maxBatchSize + 1, MOST_AT_ONCE);
      const requests = ['red', 'green', 'blue', 'white']
        .slice(0, Math.max(2, count))
        .map((colour) => textTurn(`The word is ${colour}. ${colour}, ${colour}, ${colour}! Say the word.`));
      const alone: string[] = [];
      for (const request of requests) alone.push((await observe(model, request, signal)).text);
      const together = await Promise.all(requests.map((request) => observe(model, request, signal)));
      for (const [index, { text }] of together.entries()) {
        const isAnothers = text !== alone[index] && alone.includes(text);
        assert.ok(!isAnothers, `A request was given the answer to another one: ${JSON.stringify(text)}`);
      }
    },
  },
  {
    name: 'a prompt that does not fit is refused before the first event',
    async check({ model, signal }) {
      const events = model.generate(textTurn('word '.repeat(model.info.contextLength + 1)), signal);
      const error = await events[Symbol.asyncIterator]()
        .next()
        .then(
          (first) => assert.fail(`A prompt longer than the context began with ${JSON.stringify(first.value)}.`),
          (thrown: unknown) => thrown,
        );
      if (error instanceof assert.AssertionError) throw error;
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      assert.ok(typeof code === 'string' && Object.hasOwn(errorCodes, code), `${String(error)} has no known code.`);
      assert.equal(code, 'context_length_exceeded');
    },
  },
  {
    name: 'nothing runs once all answers have ended',
    async check({ model, ask, signal }) {
      await observe(model, ask(), signal);
      const { sequencesRunning, sequencesQueued } = model.stats();
      assert.ok(isCount(sequencesRunning) && isCount(sequencesQueued), 'stats() must be counts.');
      await idle(model, signal);
    },
  },
];

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
