import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ChatRequest } from '../../../src/api/chat/index.ts';
import { parseChatRequest } from '../../../src/api/chat/index.ts';
import { CHAT_FIELDS } from '../../../src/api/chat/fields.ts';
import { OTHER_FIELDS } from '../../../src/api/request/other-fields.ts';
import type { CHAT_KINDS } from '../../../src/api/chat/settings.ts';
import { CHAT_NAMES } from '../../../src/api/chat/settings.ts';
import { toGenerateRequest } from '../../../src/api/index.ts';
import { VserveError } from '../../../src/errors/index.ts';
import { everything, hello, infoWith, parse } from './support.ts';

/**
 * A line each: a field, its value, and what comes of it. `=` is a request as without the field; an object holds what is
 * different in the request; anything else is an error's code and param.
 */
const rows = readFileSync(new URL('../../fixtures/requests/fields.tsv', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => line.split('\t') as [string, string, string]);

function flat({ sampling, template, answer, ...others }: ChatRequest): Record<string, unknown> {
  return { ...others, askedBy: undefined, ...sampling, ...template, ...answer };
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
      if (
        !/^invalid_request [\w.[\]]+\.(includeUsage|depth|nunber|ngram_sise|extra|examples|strickt|jsn|max)$/.test(
          strict,
        )
      )
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

const tool = { name: 'f', parameters: { type: 'object' } };
const tools = [{ type: 'function', function: tool }];

/** A value of each setting, other than its default, as most of its fields have it. */
const samples: { readonly [Setting in keyof typeof CHAT_KINDS]: unknown } = {
  temperature: 0.5,
  temperatureRange: 0.5,
  temperatureExponent: 2,
  topP: 0.9,
  topK: 40,
  minP: 0.1,
  typicalP: 0.9,
  topNSigma: 2,
  minKeep: 3,
  xtcProbability: 0.5,
  xtcThreshold: 0.2,
  adaptiveTarget: 0.5,
  adaptiveDecay: 0.5,
  mirostat: 2,
  mirostatTau: 3,
  mirostatEta: 0.2,
  seed: 7,
  frequencyPenalty: 0.2,
  presencePenalty: 0.3,
  repetitionPenalty: 1.1,
  penaltyWindow: 64,
  noRepeatNgramSize: 30,
  noRepeatNgramWindow: 90,
  noRepeatNgramPrompt: 3,
  noRepeatNgramAllowed: [5],
  dryMultiplier: 0.8,
  dryBase: 2,
  dryAllowedLength: 3,
  dryWindow: 100,
  dryBreakers: ['.'],
  logitBias: { 5: 1 },
  biasTexts: { hello: 1 },
  samplers: ['top_k'],
  maxTokens: 9,
  minTokens: 3,
  stop: ['END'],
  stopTokens: [1],
  includeStop: true,
  ignoreEos: true,
  skipSpecialTokens: false,
  format: { type: 'json_object' },
  choices: 2,
  reportProgress: true,
  cacheSalt: 'tenant',
  imageProcessor: { max_pixels: 5000 },
  variables: { a: 1 },
  thinking: false,
  reasoningEffort: 'low',
  addGenerationPrompt: false,
  continueFinalMessage: true,
  tools,
  functions: [tool],
  toolChoice: 'required',
  functionChoice: { name: 'f' },
  parallelCalls: false,
  reasoningApart: false,
  reasoningShown: false,
  reasoningBudget: 100,
  reasoningEndMessage: 'Enough.',
  hasLogProbs: true,
  topLogProbs: 3,
  tokenProbs: 3,
  repeatedTokensMax: 9,
  repeatedTokensMin: 2,
  repeatedCount: 5,
  videoFrames: 8,
  videoRate: 0.5,
  model: 'm',
  stream: true,
  includeUsage: true,
  continuousUsage: true,
  timingsPerToken: true,
  echo: true,
  include: ['image_details'],
};

/** The sample as a field has it that says it in another way. */
const spelled: Readonly<Record<string, unknown>> = {
  do_sample: false,
  'thinking.type': 'disabled',
  'reasoning.max_tokens': 100,
  reasoning_format: 'hidden',
  'reasoning.exclude': true,
  'structured_outputs.json': { type: 'object' },
  'structured_outputs.json_object': true,
  'structured_outputs.regex': 'a*',
  'structured_outputs.choice': ['a'],
  'structured_outputs.grammar': 'root ::= "a"',
  guided_json: { type: 'object' },
  guided_json_object: true,
  guided_regex: 'a*',
  guided_choice: ['a'],
  guided_grammar: 'root ::= "a"',
  regex: 'a*',
  ebnf: 'root ::= "a"',
  json_schema: { type: 'object' },
  grammar: 'root ::= "a"',
  format: 'json',
};

/** What a field needs beside it to have an effect. */
const beside: Readonly<Record<string, object>> = {
  tool_choice: { tools },
  parallel_tool_calls: { tools },
  function_call: { functions: [tool] },
  top_logprobs: { logprobs: true },
  return_progress: { stream: true },
  echo: { continue_final_message: true },
  'repetition_detection.max_pattern_size': { repetition_detection: { max_pattern_size: 8, min_count: 4 } },
  'repetition_detection.min_pattern_size': { repetition_detection: { max_pattern_size: 8, min_count: 4 } },
  'repetition_detection.min_count': { repetition_detection: { max_pattern_size: 8, min_count: 4 } },
  'stream_options.continuous_usage_stats': { stream_options: { include_usage: true } },
};

describe('a setting', () => {
  const ofTheAnswer = new Set<string>([
    'model',
    'stream',
    'includeUsage',
    'continuousUsage',
    'timingsPerToken',
    'echo',
    'include',
    'reasoningShown',
  ]);
  const ofVideos = new Set<string>(['videoFrames', 'videoRate']);
  // The server makes tokens of them.
  const ofTheServer = new Set<string>(['biasTexts']);
  const messages = [...hello, { role: 'assistant', content: 'Hi' }];
  const requestOf = (fields: object) => parse({ messages, continue_final_message: false, ...fields });
  const rules = (
    Object.entries(CHAT_NAMES) as [keyof typeof samples, readonly (string | { name: string })[]][]
  ).flatMap(([setting, names]) =>
    names.map((rule) => [setting, typeof rule === 'string' ? rule : rule.name] as [keyof typeof samples, string]),
  );
  const withField = (setting: keyof typeof samples, name: string) => {
    if (setting === 'reasoningApart' && name === 'reasoning_format') return { [name]: 'raw' };
    const value = Object.hasOwn(spelled, name) ? spelled[name] : samples[setting];
    return { ...beside[name], ...nested(name, value, beside[name]) };
  };
  const reached = (fields: object): unknown => {
    const { stream: _, answer: __, ...request } = requestOf(fields);
    return toGenerateRequest({ ...request }, infoWith(everything), []);
  };

  const ofTheBackend = rules.filter(
    ([setting]) => !ofTheAnswer.has(setting) && !ofVideos.has(setting) && !ofTheServer.has(setting),
  );

  it.each(ofTheBackend)('%s reaches the backend from %s', (setting, name) => {
    expect(reached(withField(setting, name))).not.toEqual(reached(beside[name] ?? {}));
  });

  it.each(rules.filter(([setting]) => ofVideos.has(setting)))('%s reaches the videos from %s', (setting, name) => {
    expect(requestOf(withField(setting, name)).videoSampling).toBeDefined();
    expect(requestOf({}).videoSampling).toBeUndefined();
  });

  it.each(rules.filter(([setting]) => ofTheAnswer.has(setting)))('%s reaches the answer from %s', (setting, name) => {
    const { model, stream, imageDetails, answer } = requestOf(withField(setting, name));
    const plain = requestOf(beside[name] ?? {});
    expect({ model, stream, imageDetails, answer }).not.toEqual({
      imageDetails: plain.imageDetails,
      model: plain.model,
      stream: plain.stream,
      answer: plain.answer,
    });
  });
});

function nested(name: string, value: unknown, siblings: object = {}): object {
  const [first = '', ...rest] = name.split('.');
  if (rest.length === 0) return { [first]: value };
  return { [first]: { ...(siblings as Record<string, object>)[first], ...nested(rest.join('.'), value) } };
}
