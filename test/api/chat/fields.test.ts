import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ChatRequest } from '../../../src/api/chat/index.ts';
import { parseChatRequest } from '../../../src/api/chat/index.ts';
import { CHAT_FIELDS } from '../../../src/api/chat/fields.ts';
import { OTHER_FIELDS } from '../../../src/api/chat/other-fields.ts';
import type { CHAT_KINDS } from '../../../src/api/chat/settings.ts';
import { CHAT_NAMES } from '../../../src/api/chat/settings.ts';
import type { ValueOf } from '../../../src/api/field-table.ts';
import { toGenerateRequest } from '../../../src/api/index.ts';
import { VserveError } from '../../../src/errors/index.ts';
import { hello, parse } from './support.ts';

/**
 * A line each: a field, its value, and what comes of it. `=` is a request as without the field; an object holds what is
 * different in the request; anything else is an error's code and param.
 */
const rows = readFileSync(new URL('../../fixtures/requests/fields.tsv', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => line.split('\t') as [string, string, string]);

function flat({ sampling, template, ...others }: ChatRequest): Record<string, unknown> {
  return { ...others, ...sampling, ...template };
}

function outcomeOf(fields: object, allowExtraFields: boolean): string {
  try {
    const plain = flat(parse({}));
    const changed = flat(parseChatRequest({ messages: hello, ...fields }, { allowExtraFields }));
    const differences = Object.entries(changed).filter(([key, value]) => !sameJson(value, plain[key]));
    return differences.length === 0 ? '=' : JSON.stringify(Object.fromEntries(differences));
  } catch (error) {
    if (error instanceof VserveError) return `${error.code} ${error.param ?? ''}`;
    throw error;
  }
}

function sameJson(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

describe('a field', () => {
  it.each(rows)('%s %s', (name, value, outcome) => {
    expect(outcomeOf(JSON.parse(`{"${name}":${value}}`) as object, false)).toBe(outcome);
  });

  it('of a known name does the same where unknown ones are ignored', () => {
    const known = rows.filter(([name]) => CHAT_FIELDS.has(name));
    expect(known.length).toBeGreaterThan(300);
    for (const [name, value] of known) {
      const fields = JSON.parse(`{"${name}":${value}}`) as object;
      const strict = outcomeOf(fields, false);
      const lenient = outcomeOf(fields, true);
      // A known object may still have keys that nobody knows.
      if (!/^invalid_request \w+\.(includeUsage|depth|nunber)$/.test(strict))
        expect([name, value, lenient]).toEqual([name, value, strict]);
    }
  });

  it('that is known stands in the table of outcomes, and in one place only', () => {
    const tested = new Set(rows.map(([name]) => name));
    const untested = Object.keys(OTHER_FIELDS).filter((name) => !name.includes('.') && !tested.has(name));
    expect(untested).toEqual([]);
    const taken = Object.values(CHAT_NAMES)
      .flat()
      .map((rule) => (typeof rule === 'string' ? rule : rule.name));
    expect(taken.filter((name) => Object.hasOwn(OTHER_FIELDS, name))).toEqual([]);
  });
});

/** A value of each setting, other than its default. */
const samples: { readonly [Setting in keyof typeof CHAT_KINDS]: ValueOf<(typeof CHAT_KINDS)[Setting]> } = {
  temperature: 0.5,
  topP: 0.9,
  topK: 40,
  minP: 0.1,
  seed: 7,
  frequencyPenalty: 0.2,
  presencePenalty: 0.3,
  repetitionPenalty: 1.1,
  samplers: ['topK'],
  maxTokens: 9,
  stop: ['END'],
  ignoreEos: true,
  skipSpecialTokens: false,
  cacheSalt: 'tenant',
  variables: { a: 1 },
  thinking: false,
  reasoningEffort: 'low',
  addGenerationPrompt: false,
  continueFinalMessage: true,
  model: 'm',
  stream: true,
  includeUsage: true,
  continuousUsage: true,
};

/** The sample as a field has it that says it in another way. */
const spelled: Readonly<Record<string, unknown>> = {
  do_sample: false,
  samplers: ['top_k'],
  'thinking.type': 'disabled',
  include_reasoning: false,
  'reasoning.exclude': true,
};

describe('a setting', () => {
  const ofTheAnswer = new Set(['model', 'stream', 'includeUsage', 'continuousUsage']);
  const messages = [...hello, { role: 'assistant', content: 'Hi' }];
  const requestOf = (fields: object) => parse({ messages, continue_final_message: false, ...fields });
  const reached = (fields: object): unknown => toGenerateRequest(requestOf(fields), {}, []);

  it.each(Object.entries(CHAT_NAMES).filter(([setting]) => !ofTheAnswer.has(setting)))(
    '%s reaches the backend from every field that sets it',
    (setting, rules) => {
      for (const rule of rules) {
        const { name } = typeof rule === 'string' ? { name: rule } : rule;
        const value = Object.hasOwn(spelled, name) ? spelled[name] : samples[setting as keyof typeof samples];
        if (value !== undefined) expect(reached(nested(name, value)), name).not.toEqual(reached({}));
      }
    },
  );

  it.each([...ofTheAnswer])('%s reaches the answer', (setting) => {
    const usage = setting === 'continuousUsage' ? { include_usage: true } : {};
    const fields = (name: string) => nested(name, samples[setting as keyof typeof samples], usage);
    for (const rule of CHAT_NAMES[setting as keyof typeof CHAT_NAMES]) {
      const name = typeof rule === 'string' ? rule : rule.name;
      expect(requestOf(fields(name)), name).not.toEqual(requestOf({ stream_options: usage }));
    }
  });
});

function nested(name: string, value: unknown, siblings: object = {}): object {
  const [first = '', second] = name.split('.');
  return { [first]: second === undefined ? value : { ...siblings, [second]: value } };
}
