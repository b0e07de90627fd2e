import assert from 'node:assert/strict';
import type { AnswerFormat } from '../answer-format.ts';
import { can } from './needs.ts';
import { eventsOf, observe, textOf } from './observe.ts';
import type { Trial } from './trial.ts';

const DIGIT = { type: 'integer', minimum: 0, maximum: 9 } as const;
const OBJECT = {
  type: 'object',
  properties: { digit: DIGIT },
  required: ['digit'],
  additionalProperties: false,
} as const;

interface FormatCase {
  readonly format: AnswerFormat;
  readonly isKept: (text: string) => boolean;
}

const FORMATS: readonly FormatCase[] = [
  {
    format: { type: 'json-schema', schema: OBJECT },
    isKept: (text) => /^\s*\{\s*"digit"\s*:\s*\d\s*\}\s*$/.test(text),
  },
  { format: { type: 'regex', pattern: '[0-9]{3}-[a-c]' }, isKept: (text) => /^[0-9]{3}-[a-c]$/.test(text) },
  { format: { type: 'choice', choices: ['left', 'right'] }, isKept: (text) => ['left', 'right'].includes(text) },
  { format: { type: 'gbnf', grammar: 'root ::= "yes" | "no"' }, isKept: (text) => ['yes', 'no'].includes(text) },
];

/** What an answer may be besides text, and what is told of it. */
export const answerTrials: readonly Trial[] = [
  {
    name: 'a tool that must be called is called, with arguments that its schema allows',
    needs: [can('tools')],
    async check({ model, ask, signal }) {
      const tools = [{ name: 'choose_digit', description: 'Chooses a digit.', parameters: OBJECT }];
      const settings = { tools, choice: { name: 'choose_digit' }, parallel: false };
      const { events, finish } = await observe(model, ask({ tools: settings, maxTokens: 400 }), signal);
      const deltas = eventsOf(events, 'tool-call-delta');
      const [first] = deltas;
      assert.ok(first?.call !== undefined, 'A call must begin with its id and name.');
      assert.equal(first.call.name, 'choose_digit');
      assert.ok(first.call.id !== '', 'A call needs an id.');
      assert.equal(first.index, 0, 'The first call has index 0.');
      const own = deltas.filter(({ index }) => index === 0);
      assert.equal(own.filter(({ call }) => call !== undefined).length, 1, 'A call begins more than once.');
      const given: unknown = JSON.parse(own.map((delta) => delta.arguments).join(''));
      assert.ok(typeof given === 'object' && given !== null && 'digit' in given, 'The arguments are not an object.');
      assert.ok(Number.isInteger(given.digit), 'The arguments are not what the schema allows.');
      assert.equal(finish.reason, 'tool_calls', 'The reason of an answer that ended with calls is not tool_calls.');
    },
  },
  {
    name: 'an answer keeps to its format',
    needs: [can('structuredOutput')],
    async check({ model, ask, signal }) {
      for (const { format, isKept } of FORMATS) {
        const { text } = await observe(model, ask({ format, maxTokens: 100 }), signal);
        assert.ok(isKept(text), `An answer of the format ${format.type} is ${JSON.stringify(text)}.`);
      }
    },
  },
  {
    name: 'reasoning that is not asked for apart is a part of the text',
    needs: [can('reasoning')],
    async check({ model, ask, signal }) {
      const reasoning = { isApart: false, maxTokens: undefined, endMessage: '' };
      const { events } = await observe(model, ask({ reasoning }), signal);
      assert.equal(eventsOf(events, 'reasoning-delta').length, 0);
    },
  },
  {
    name: 'log probabilities belong to the tokens of the text',
    needs: [can('logProbs')],
    async check({ model, ask, signal }) {
      const { events, text } = await observe(model, ask({ logProbs: 2 }), signal);
      const deltas = events.filter((event) => 'tokens' in event);
      for (const { tokens, logProbs = [] } of deltas) {
        assert.equal(logProbs.length, tokens, 'A delta has not as many log probabilities as tokens.');
      }
      const chosen = deltas.flatMap(({ logProbs = [] }) => logProbs);
      for (const { logProb, likeliest } of chosen) {
        assert.ok(logProb <= 0, `A log probability is ${String(logProb)}.`);
        assert.ok(likeliest.length === 2, 'Asked for the two likeliest tokens, another number came.');
        const [best, second] = likeliest;
        assert.ok((best?.logProb ?? 0) >= (second?.logProb ?? 0), 'The likeliest token is not the first.');
        assert.ok((best?.logProb ?? -1) >= logProb, 'The drawn token is likelier than the likeliest.');
      }
      const bytes = Buffer.from(chosen.flatMap((token) => [...token.bytes])).toString();
      assert.ok(bytes.startsWith(text), 'The bytes of the tokens are not those of the text.');
    },
  },
  {
    name: 'log probabilities of the prompt come before the first token',
    needs: [can('promptLogProbs')],
    async check({ model, ask, signal }) {
      const { events, start } = await observe(model, ask({ promptLogProbs: 1 }), signal);
      const [prefilled] = eventsOf(events, 'prefilled');
      const tokens = prefilled?.promptLogProbs;
      assert.ok(tokens !== undefined, 'The prefilled event has none.');
      assert.equal(tokens.length, start.promptTokens, 'They are not as many as the tokens of the prompt.');
      assert.equal(tokens[0]?.logProb, undefined, 'Nothing is known of the first token.');
      assert.ok(tokens.slice(1).every(({ logProb = 1 }) => logProb <= 0));
    },
  },
  {
    name: 'several answers to one request each have their deltas and their end',
    needs: [{ lack: 'capabilities.maxChoices above 1', isMet: ({ info }) => (info.capabilities.maxChoices ?? 1) > 1 }],
    async check({ model, ask, signal }) {
      const { events, start } = await observe(model, ask({ choices: 2 }), signal);
      const finishes = eventsOf(events, 'finish');
      assert.deepEqual(
        finishes.map(({ choice = 0 }) => choice).toSorted((a, b) => a - b),
        [0, 1],
        'There must be one end of each answer.',
      );
      for (const { choice = 0, usage } of finishes) {
        assert.equal(usage.promptTokens, start.promptTokens, 'The usage of each answer counts the prompt.');
        assert.ok(usage.completionTokens > 0);
        assert.ok(usage.completionTokens === 0 || textOf(events, choice) !== '', 'An answer has tokens and no text.');
      }
    },
  },
  {
    name: 'progress is told while the prompt is computed',
    needs: [can('progress')],
    async check({ model, signal, ask }) {
      const { events, start } = await observe(model, ask({ reportProgress: true }), signal);
      const progress = eventsOf(events, 'progress');
      assert.ok(progress.length > 0, 'There is no progress event.');
      for (const [index, { doneTokens, promptTokens, cachedTokens }] of progress.entries()) {
        assert.equal(promptTokens, start.promptTokens);
        assert.ok(
          doneTokens >= cachedTokens && doneTokens <= promptTokens,
          'More is done than there is, or less than cached.',
        );
        assert.ok(index === 0 || doneTokens > (progress[index - 1]?.doneTokens ?? 0), 'Progress must rise.');
      }
      assert.equal(
        progress.at(-1)?.doneTokens,
        start.promptTokens,
        'The last progress event is not the end of the prompt.',
      );
    },
  },
  {
    name: 'a last message is continued',
    needs: [can('prefill')],
    async check({ model, ask, signal }) {
      const asked = ask();
      const begun = { role: 'assistant', content: [{ type: 'text', text: 'It is' }] } as const;
      const template = { ...asked.template, addGenerationPrompt: false, continueFinalMessage: true };
      await observe(model, { ...asked, messages: [...asked.messages, begun], template }, signal);
    },
  },
];
