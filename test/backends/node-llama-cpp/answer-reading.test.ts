import { beforeAll, describe, expect, it } from 'vitest';
import type { AnswerPiece } from '../../../backends/node-llama-cpp/native-addon.ts';
import { familyCalls, now, weather, weatherArguments } from '../../engine/family-calls.ts';
import { referenceTemplates } from '../../reference/chat-templates.ts';
import { growth } from '../../support/growth.ts';
import { templateReader, type WrittenConversation } from '../../support/render-template.ts';

const templates = referenceTemplates();

let read: Awaited<ReturnType<typeof templateReader>>['read'];
beforeAll(async () => {
  ({ read } = await templateReader());
});

const apart = { isApart: true, maxTokens: undefined, endMessage: '' };
const asked: WrittenConversation = {
  messages: [{ role: 'user', content: 'How warm is it in Köln?' }],
  tools: [weather, now],
  parallel: true,
  reasoning: apart,
};

interface Said {
  readonly text: string;
  readonly thought: string;
  readonly calls: readonly { readonly id: string; readonly name: string; readonly arguments: string }[];
}

/** All pieces together. Each call begins once, and none goes on after the next has begun. */
function said(read: readonly (readonly AnswerPiece[])[]): Said {
  const calls: { id: string; name: string; arguments: string }[] = [];
  const texts = { text: '', thought: '' };
  for (const { kind, text, call, callId, callName } of read.flat()) {
    if (kind !== 'call') {
      texts[kind] += text;
      continue;
    }
    if (callName !== '') expect(calls.push({ id: callId, name: callName, arguments: '' })).toBe(call + 1);
    expect(call).toBe(calls.length - 1);
    const last = calls.at(-1);
    if (last !== undefined) last.arguments += text;
  }
  return { ...texts, calls };
}

const characters = (text: string): string[] => text.match(/./gsu) ?? [];
const triples = (text: string): string[] => text.match(/.{1,3}/gsu) ?? [];

/** What is read in an answer, which is the same however it comes. */
function readAnyway(name: string, conversation: WrittenConversation, answer: string): Said {
  const template = templates[name];
  if (template === undefined) throw new Error(`There is no template ${name}.`);
  const [whole, ...others] = [[answer], characters(answer), triples(answer)].map((pieces) =>
    said(read(template, conversation, pieces).read),
  );
  if (whole === undefined) throw new Error('Nothing was read.');
  const withoutIds = ({ calls, ...rest }: Said): unknown => ({
    ...rest,
    calls: calls.map(({ name: called, arguments: given }) => ({ name: called, arguments: given })),
  });
  for (const other of others) expect(withoutIds(other)).toEqual(withoutIds(whole));
  return whole;
}

const thinking = [...new Set(familyCalls.flatMap(({ template, thought }) => (thought === '' ? [] : [template])))];
const hermes = `<tool_call>\n{"name": "weather", "arguments": ${JSON.stringify(weatherArguments)}}\n</tool_call>`;

describe('calls are read as the model writes them', () => {
  it.each(familyCalls)('$template: $answer', ({ template: name, answer, thought }) => {
    const conversation = name === 'Reka-Edge' ? { ...asked, variables: { enable_thinking: true } } : asked;
    const { text, thought: found, calls: made } = readAnyway(name, conversation, answer);
    expect({ text: text.trim(), thought: found.trim() }).toEqual({ text: '', thought });
    expect(made[0]?.name).toBe('weather');
    expect(JSON.parse(made[0]?.arguments ?? '')).toEqual(weatherArguments);
    if (made.length > 1) expect(made[1]).toMatchObject({ name: 'now', arguments: '{}' });
    expect(made).toHaveLength(answer.includes('now') ? 2 : 1);
    expect(new Set(made.map(({ id }) => id)).size).toBe(made.length);
  });
});

/** What is told after each character of an answer, and at its end. */
function steps(name: string, answer: string, changes: Partial<WrittenConversation> = {}): string[] {
  const template = templates[name];
  if (template === undefined) throw new Error(`There is no template ${name}.`);
  const told = read(template, { ...asked, ...changes }, characters(answer)).read;
  return told.map((pieces) => pieces.map(({ kind, text }) => `${kind}:${text}`).join('|'));
}

describe('text and thoughts are told as soon as they are certain', () => {
  it('character by character, but for what may become a tag', () => {
    expect(steps('Qwen-Qwen3-0.6B', 'Hi <b>.')).toEqual([
      'text:H',
      'text:i',
      'text: ',
      '',
      'text:<b',
      'text:>',
      'text:.',
      '',
    ]);
  });

  it('in the thoughts with which a prompt ends', () => {
    const told = steps('Qwen3.5-4B', 'Hm.\n</think>\n\nHi', { tools: [] });
    expect(told.slice(0, 3)).toEqual(['thought:H', 'thought:m', 'thought:.']);
    expect(told.slice(-3)).toEqual(['text:H', 'text:i', '']);
  });

  it('as text, where they stay in it', () => {
    const stay = { reasoning: { ...apart, isApart: false } };
    const answer = '<think>\nHm. <b>\n</think>\n\nHi';
    expect(steps('Qwen-Qwen3-0.6B', answer, stay).join('').replaceAll('text:', '')).toBe(answer);
    const { text, calls: made } = readAnyway('Qwen-Qwen3-0.6B', { ...asked, ...stay }, `${answer}${hermes}`);
    expect(text).toBe(answer);
    expect(made).toHaveLength(1);
  });

  it.each(thinking)('also where the model has thoughts and leaves them out: %s', (name) => {
    const answer = 'A star, and 5 < 6.';
    const opensThoughts = readAnyway(name, asked, answer).thought !== '';
    const expected = opensThoughts ? { text: '', thought: answer } : { text: answer, thought: '' };
    for (const tools of [[], asked.tools ?? []]) {
      const { text, thought } = readAnyway(name, { ...asked, tools }, answer);
      expect({ text: text.trim(), thought: thought.trim() }).toEqual(expected);
    }
  });

  it('also if a call begins and is none', () => {
    const answer = 'Write <tool_call>, not <tool_calls>.';
    expect(readAnyway('Qwen-Qwen3-0.6B', asked, answer)).toEqual({ text: answer, thought: '', calls: [] });
    const json = '{"name": "nobody", "parameters": {}} and more';
    expect(readAnyway('meta-llama-Llama-3.1-8B-Instruct', asked, json)).toEqual({ text: json, thought: '', calls: [] });
  });

  it.each(['Qwen-Qwen2.5-7B-Instruct', 'GLM-4.6', 'google-gemma-4-31B-it', 'smolvlm'])(
    'but not the tag of a call that is cut before its name: %s',
    (name) => {
      const template = templates[name];
      const { answer = '' } = familyCalls.find((family) => family.template === name && family.thought === '') ?? {};
      const call = answer === '' ? '<tool_call>weather' : answer;
      if (template === undefined) throw new Error('There is no template.');
      for (let length = 6; length <= '<tool_call>'.length; length++) {
        const cut = [...characters('Look: '), call.slice(0, length)];
        const { text, calls: made } = said(read(template, asked, cut, true).read);
        expect({ length, text: text.trim(), made }).toEqual({ length, text: 'Look:', made: [] });
      }
      expect(said(read(template, asked, ['Look: <'], true).read).text).toBe('Look: <');
    },
  );

  it('and what is left of a call that is cut', () => {
    const template = templates['Qwen-Qwen3-0.6B'];
    if (template === undefined) throw new Error('There is no template.');
    const cut = hermes.slice(0, hermes.indexOf('Rhein'));
    const { calls: made } = said(read(template, asked, characters(cut), true).read);
    expect(made).toMatchObject([
      { name: 'weather', arguments: expect.stringMatching(/^\{"city":"Köln \\"am/) as unknown },
    ]);
  });
});

it('an answer that continues a message does not repeat it', () => {
  const conversation: WrittenConversation = {
    ...asked,
    messages: [...asked.messages, { role: 'assistant', content: 'It is ' }],
    addGenerationPrompt: false,
    continueFinalMessage: true,
  };
  expect(readAnyway('Qwen-Qwen3-0.6B', conversation, '21 degrees.')).toEqual({
    text: '21 degrees.',
    thought: '',
    calls: [],
  });
});

it('only the function that is asked for may be called', () => {
  const template = templates['Qwen-Qwen3-0.6B'];
  if (template === undefined) throw new Error('There is no template.');
  const plan = read(template, { ...asked, choice: { name: 'now' } }, []);
  expect(plan).toMatchObject({ grammarWaits: false });
  expect(plan.grammar).toContain('now');
  expect(plan.grammar).not.toContain('weather');
  expect(read(template, asked, [])).toMatchObject({ grammarWaits: true, triggerWords: ['<tool_call>\n'] });
  expect(read(template, { ...asked, choice: 'none' }, [hermes]).read.flat()).toMatchObject([{ kind: 'text' }]);
});

/** CPU time of reading an answer that comes in pieces of four characters, in microseconds. */
function cost(answer: string): number {
  const template = templates['Qwen-Qwen3-0.6B'];
  if (template === undefined) throw new Error('There is no template.');
  const pieces = answer.match(/.{1,4}/gsu) ?? [];
  const before = process.cpuUsage();
  read(template, asked, pieces);
  const { user: spent, system } = process.cpuUsage(before);
  return spent + system;
}

it.each([
  ['text', (count: number) => 'a <b> {c} '.repeat(count)],
  ['text with tags', (count: number) => '</think> a '.repeat(count)],
  ['a thought', (count: number) => `<think>${'a <b> {c} '.repeat(count)}`],
  [
    'arguments',
    (count: number) => `<tool_call>\n{"name": "weather", "arguments": {"city": "${'a <b> c '.repeat(count)}`,
  ],
])('the time that %s takes grows with its length, not with the square of it', async (_what, answer) => {
  cost(answer(100));
  const ratio = await growth(
    () => cost(answer(1000)),
    () => cost(answer(4000)),
    10,
  );
  expect(ratio).toBeLessThan(10);
});
