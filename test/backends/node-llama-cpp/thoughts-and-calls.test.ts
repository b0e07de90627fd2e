import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LoadedLlama } from '../../../backends/node-llama-cpp/loaded-llama.ts';
import type { GenerateRequest, GenerationEvent, JsonObject, Tool } from '../../../src/backend/index.ts';
import { greedyRequest } from '../../engine/greedy.ts';
import { greedy, loadShapes, shapesFiles, userTurn } from '../../support/shapes-engine.ts';
import { writeWithTemplate } from '../../support/with-template.ts';

/** Has thoughts, and knows no tools. */
const template = [
  '{{ bos_token }}{% for m in messages %}<start_of_turn>{{ m.role }}\n',
  '{% if m.reasoning_content %}<think>\n{{ m.reasoning_content }}\n</think>\n\n{% endif %}',
  '{{ m.content }}<end_of_turn>\n{% endfor %}{% if add_generation_prompt %}<start_of_turn>assistant\n',
  '{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n{% endif %}{% endif %}',
].join('');

let folder: string;
let model: LoadedLlama;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'vserve-thoughts-'));
  const modelPath = join(folder, 'model.gguf');
  writeWithTemplate(shapesFiles().modelPath, modelPath, template);
  const loaded = await loadShapes({ maxBatchSize: 2 }, { modelPath });
  if (!(loaded instanceof LoadedLlama)) throw new Error('It is another backend.');
  model = loaded;
});

afterAll(async () => {
  await model.close();
  rmSync(folder, { recursive: true });
});

const apart = { isApart: true, maxTokens: undefined, endMessage: '' };
const weather = {
  name: 'weather',
  description: '',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};

/** What a model says that begins with this text, and ends its turn after it unless it goes on. */
async function said(text: string, changes: Partial<GenerateRequest>, goesOn = false): Promise<GenerationEvent[]> {
  const tokens = await model.inspectTokens(`${text}${goesOn ? '' : '<end_of_turn>'}`, true);
  const request = userTurn(['Hi'], { maxTokens: 200, ...changes });
  const events: GenerationEvent[] = [];
  const runs = text === '' ? [] : [{ after: 0, tokens }];
  const answer = model.generateForced(request, new AbortController().signal, runs, () => undefined);
  for await (const event of answer) events.push(event);
  return events;
}

const joined = (events: readonly GenerationEvent[], type: 'text-delta' | 'reasoning-delta'): string =>
  events.map((event) => (event.type === type && 'text' in event ? event.text : '')).join('');

const finishOf = (events: readonly GenerationEvent[]): Extract<GenerationEvent, { type: 'finish' }> => {
  const finish = events.at(-1);
  if (finish?.type !== 'finish') throw new Error('It did not finish.');
  return finish;
};

it('a model whose template has thoughts has the capability', () => {
  expect(model.info.capabilities).toMatchObject({ reasoning: true, tools: true });
});

it('thoughts come apart from the text, and are counted', async () => {
  const events = await said('<think>\nFive points.\n</think>\n\nA star.', { reasoning: apart });
  expect(joined(events, 'reasoning-delta').trim()).toBe('Five points.');
  expect(joined(events, 'text-delta')).toBe('A star.');
  const { reason, usage } = finishOf(events);
  const thoughts = await model.inspectTokens('<think>\nFive points.\n</think>', true);
  expect(reason).toBe('stop');
  expect(usage.reasoningTokens).toBeGreaterThan(2);
  expect(usage.reasoningTokens).toBeLessThanOrEqual(thoughts.length);
  const counted = events.reduce((sum, event) => sum + ('tokens' in event ? event.tokens : 0), 0);
  expect(counted).toBe(usage.completionTokens - 1);
});

it('thoughts stay in the text where they are not asked for apart, with their tags', async () => {
  const reasoning = { ...apart, isApart: false };
  const events = await said('<think>\nFive points.\n</think>\n\nA star.', { reasoning });
  expect(joined(events, 'text-delta')).toBe('<think>\nFive points.\n</think>\n\nA star.');
  expect(joined(events, 'reasoning-delta')).toBe('');
});

it('a stop string ends the text, not the thoughts', async () => {
  const events = await said('<think>\nA star?\n</think>\n\nIt is a star.', { reasoning: apart, stop: ['star'] });
  expect(joined(events, 'reasoning-delta').trim()).toBe('A star?');
  expect(joined(events, 'text-delta')).toBe('It is a ');
  expect(finishOf(events).reason).toBe('stop');
});

it('an answer that is cut within its thoughts says so', async () => {
  const events = await said('<think>\nFive points.', { reasoning: apart, ignoreEos: true, maxTokens: 30 }, true);
  expect(joined(events, 'text-delta')).toBe('');
  expect(finishOf(events)).toMatchObject({ reason: 'length' });
  expect(finishOf(events).usage.reasoningTokens).toBeGreaterThan(20);
});

it('thoughts of which there are enough are ended', async () => {
  const reasoning = { isApart: true, maxTokens: 8, endMessage: '\nEnough.' };
  const events = await said('<think>\n', { reasoning, ignoreEos: true, maxTokens: 40 }, true);
  expect(joined(events, 'reasoning-delta')).toMatch(/\nEnough\.$/);
  expect(finishOf(events).usage.completionTokens).toBe(40);
  const end = await model.inspectTokens('\nEnough.</think>', true);
  expect(finishOf(events).usage.reasoningTokens).toBeLessThanOrEqual(8 + end.length + 1);
});

it('a call comes with its name and id, then with its arguments', async () => {
  const call = '<tool_call>\n{"name": "weather", "arguments": {"city": "Köln"}}\n</tool_call>';
  const tools = { tools: [weather], choice: 'auto', parallel: undefined } as const;
  const events = await said(`I look.\n${call}`, { tools, reasoning: apart, stop: ['city'] });
  const calls = events.flatMap((event) => (event.type === 'tool-call-delta' ? [event] : []));
  expect(joined(events, 'text-delta').trim()).toBe('I look.');
  expect(calls[0]?.call).toMatchObject({ name: 'weather', id: expect.stringMatching(/^call_\w{24}$/) as unknown });
  expect(calls.every(({ index }) => index === 0)).toBe(true);
  expect(JSON.parse(calls.map((delta) => delta.arguments).join(''))).toEqual({ city: 'Köln' });
  expect(finishOf(events).reason).toBe('tool_calls');
});

it('a call that is not asked for is text', async () => {
  const tools = { tools: [weather], choice: 'none', parallel: undefined } as const;
  const call = '<tool_call>\n{"name": "weather", "arguments": {"city": "Köln"}}\n</tool_call>';
  const events = await said(call, { tools, reasoning: apart });
  expect(joined(events, 'text-delta')).toBe(call);
  expect(finishOf(events).reason).toBe('stop');
});

/** One call of the function `forecast`, by its schema. */
function expectCall(events: readonly GenerationEvent[]): void {
  const calls = events.flatMap((event) => (event.type === 'tool-call-delta' ? [event] : []));
  expect(calls.flatMap(({ call }) => (call === undefined ? [] : [call.name]))).toEqual(['forecast']);
  const { unit, days } = JSON.parse(calls.map((delta) => delta.arguments).join('')) as Record<string, unknown>;
  expect(['C', 'F']).toContain(unit);
  expect([1, 2, 3, 4, 5, 6, 7, 8, 9]).toContain(days);
  expect(finishOf(events).reason).toBe('tool_calls');
}

describe('what the model writes itself', () => {
  const forecast = {
    name: 'forecast',
    description: 'Looks ahead.',
    parameters: {
      type: 'object',
      properties: { unit: { enum: ['C', 'F'] }, days: { type: 'integer', minimum: 1, maximum: 9 } },
      required: ['unit', 'days'],
    },
  };
  const anything = { ...greedy, temperature: 1, seed: 7 };

  it.each([['required'], [{ name: 'forecast' }]] as const)('is a call at once with tool_choice %j', async (choice) => {
    const tools = choice === 'required' ? [forecast] : [weather, forecast];
    const template = { ...greedyRequest.template, variables: { enable_thinking: false } };
    const request = { tools: { tools, choice, parallel: false }, template, reasoning: apart, sampling: anything };
    const events = await said('', request, true);
    expect(joined(events, 'text-delta').trim()).toBe('');
    expectCall(events);
  });

  it('is a call by the schema once it has begun one', async () => {
    const tools = { tools: [forecast], choice: 'auto', parallel: false } as const;
    expectCall(await said('Well. <tool_call>', { tools, reasoning: apart, sampling: anything }, true));
  });

  it('is a call after the thoughts with which it begins', async () => {
    const tools = { tools: [forecast], choice: 'required', parallel: false } as const;
    const events = await said('<think>\nHm.\n</think>', { tools, reasoning: apart, sampling: anything }, true);
    expect(joined(events, 'reasoning-delta').trim()).toBe('Hm.');
    expectCall(events);
  });

  it('has a format after its thoughts', async () => {
    const format = { type: 'choice', choices: ['a star', 'a square'] } as const;
    const events = await said('<think>\nHm.\n</think>', { format, reasoning: apart, sampling: anything }, true);
    expect(joined(events, 'reasoning-delta').trim()).toBe('Hm.');
    expect(['a star', 'a square']).toContain(joined(events, 'text-delta').trim());
  });
});

it('names of a form are kept within the arguments of a call, and refused as arguments', async () => {
  const marks = { type: 'object', patternProperties: { '^k[1-3]$': { enum: [1, 2] } }, required: ['k1'] };
  const grading = (name: string, of: JsonObject): Tool => ({
    name,
    description: '',
    parameters: { type: 'object', properties: { marks, of }, required: ['marks', 'of'] },
  });
  const both = [
    grading('first', { pattern: '^(?!b)[a-c]$' }),
    grading('second', { multipleOf: 3, minimum: 1, maximum: 5 }),
  ];
  const tools = { tools: both, choice: { name: 'second' }, parallel: false } as const;
  const template = { ...greedyRequest.template, variables: { enable_thinking: false } };
  const sampling = { ...greedy, temperature: 1, seed: 3 };
  const events = await said('', { tools, reasoning: apart, template, sampling }, true);
  const calls = events.flatMap((event) => (event.type === 'tool-call-delta' ? [event.arguments] : []));
  const written = JSON.parse(calls.join('')) as { marks: Record<string, number>; of: unknown };
  expect(written.of).toBe(3);
  expect(Object.keys(written.marks)).toContain('k1');
  for (const [key, value] of Object.entries(written.marks)) expect(`${key} ${value}`).toMatch(/^k[1-3] [12]$/);
  const open = { tools: [{ ...weather, parameters: marks }], choice: 'auto', parallel: undefined } as const;
  await expect(said('Hi', { tools: open })).rejects.toMatchObject({
    code: 'invalid_request',
    param: 'tools[0].function.parameters',
  });
});

it('a schema that cannot be kept is refused by its path', async () => {
  const tool = { ...weather, parameters: { type: 'object', properties: { city: { type: 'hiccup' } } } };
  const tools = { tools: [weather, tool], choice: 'auto', parallel: undefined } as const;
  await expect(said('Hi', { tools })).rejects.toMatchObject({
    code: 'invalid_request',
    param: expect.stringMatching(/^tools\[1\]\.function\.parameters\.properties\.city/) as unknown,
  });
});
