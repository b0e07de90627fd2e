import assert from 'node:assert/strict';
import type { GenerateRequest } from '../generate-request.ts';
import type { GenerationEvent } from '../generation-event.ts';
import { can } from './needs.ts';
import type { Observed } from './observe.ts';
import { eventsOf, observe } from './observe.ts';
import type { Subject, Trial } from './trial.ts';

/** What ends an answer. */
export const stopTrials: readonly Trial[] = [
  {
    name: 'a stop string ends an answer, and no part of it is in a delta',
    async check(subject) {
      const { text, request, events } = await answerToCut(subject);
      const characters = Array.from(text);
      const middle = Math.floor(characters.length / 2);
      const across = acrossDeltas(events);
      for (const stop of [characters.slice(middle, middle + 3).join(''), ...(across === undefined ? [] : [across])]) {
        const cut = await observe(subject.model, { ...request, stop: ['\0 never', stop] }, subject.signal);
        const shown = JSON.stringify(stop);
        assert.equal(cut.text, text.slice(0, text.indexOf(stop)), `The answer was not ended before ${shown}.`);
        assert.equal(cut.finish.reason, 'stop', `The reason of an answer that ${shown} ended is not stop.`);
      }
    },
  },
  {
    name: 'includeStop makes the stop string a part of the answer',
    needs: [can('answerControl')],
    async check(subject) {
      const { text, request } = await answerToCut(subject);
      const stop = Array.from(text).slice(1, 3).join('');
      const cut = await observe(subject.model, { ...request, stop: [stop], includeStop: true }, subject.signal);
      assert.equal(cut.text, text.slice(0, text.indexOf(stop) + stop.length));
    },
  },
  {
    name: 'minTokens keeps an answer going',
    needs: [can('answerControl')],
    async check({ model, ask, signal }) {
      const { finish } = await observe(model, ask({ minTokens: 20, maxTokens: 30 }), signal);
      assert.ok(
        finish.usage.completionTokens >= 20,
        `minTokens was 20: ${String(finish.usage.completionTokens)} came.`,
      );
    },
  },
  {
    name: 'ignoreEos goes on to maxTokens',
    needs: [can('ignoreEos')],
    async check({ model, ask, signal }) {
      const { finish } = await observe(model, ask({ ignoreEos: true, maxTokens: 100 }), signal);
      assert.equal(finish.usage.completionTokens, 100);
      assert.equal(finish.reason, 'length');
    },
  },
];

async function answerToCut({ model, ask, signal }: Subject): Promise<Observed & { readonly request: GenerateRequest }> {
  const request = ask();
  const observed = await observe(model, request, signal);
  assert.ok(
    observed.text.length >= 3,
    'The answer is too short for a stop string: give conformance a question with a longer one.',
  );
  return { ...observed, request };
}

/** The end of a delta and the beginning of the next, where that is not what the answer begins with. */
function acrossDeltas(events: readonly GenerationEvent[]): string | undefined {
  const texts = eventsOf(events, 'text-delta').map(({ text }) => Array.from(text));
  const index = texts.findIndex((text, at) => at > 0 && text.length > 0 && (texts[at + 1]?.length ?? 0) > 0);
  const [end, next] = [texts[index]?.at(-1), texts[index + 1]?.[0]];
  return end === undefined || next === undefined ? undefined : end + next;
}
