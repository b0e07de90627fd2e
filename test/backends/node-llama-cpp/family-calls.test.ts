import { Ajv } from 'ajv';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import backend from '../../../backends/node-llama-cpp/index.ts';
import { LoadedLlama } from '../../../backends/node-llama-cpp/loaded-llama.ts';
import type { GenerateRequest, GenerationEvent, Tool } from '../../../src/backend/index.ts';
import { convertCheckpoint } from '../../../src/convert/index.ts';
import { defaultLoadSettings } from '../../../src/settings/index.ts';
import { familyCalls, now, shownTokens, specialTokens, weather, weatherArguments } from '../../engine/family-calls.ts';
import { greedy, greedyRequest } from '../../engine/greedy.ts';
import { withTokens } from '../../engine/with-tokens.ts';
import { referenceTemplates } from '../../reference/chat-templates.ts';
import { referenceCheckpoints } from '../../reference/checkpoints.ts';
import { writeCheckpoint } from '../../reference/write-checkpoint.ts';
import { writeWithTemplate } from '../../support/with-template.ts';

const templates = referenceTemplates();
const names = [...new Set(familyCalls.filter(({ isAlike }) => isAlike !== true).map(({ template }) => template))];
const withStops = 'poolside-Laguna-XS.2';
const longest = Math.max(...[...names, withStops].map((name) => Buffer.byteLength(templates[name]?.source ?? '')));

const elementsOf = (_tensor: string, shape: readonly number[], next: () => number): Uint8Array =>
  new Uint8Array(
    Uint16Array.from({ length: shape.reduce((product, size) => product * size, 1) }, () => {
      const bits = next();
      return 0x3d_00 | (bits & 0x7f) | ((bits & 0x80) << 8); // ±0.03 to ±0.06 in bfloat16
    }).buffer,
  );

let folder: string;
let modelPath: string;

/** A model of small random weights, whose vocabulary has the tokens of all families. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vserve-family-calls-'));
  const reference = referenceCheckpoints['qwen3-tiny'];
  if (reference === undefined) throw new Error('There is no qwen3-tiny.');
  const { checkpoint } = withTokens(reference.checkpoint, specialTokens, shownTokens);
  const files = { ...checkpoint.files, 'chat_template.jinja': `{#${' '.repeat(longest + 10)}#}` };
  await writeCheckpoint(join(folder, 'source'), { ...checkpoint, dtype: 'BF16', files, elementsOf });
  ({ modelPath } = await convertCheckpoint({
    sourceDir: join(folder, 'source'),
    destinationDir: folder,
    outtype: 'bf16',
    onProgress: () => undefined,
    signal: new AbortController().signal,
  }));
}, 60_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

async function load(name: string): Promise<LoadedLlama> {
  const path = join(folder, `${name}.gguf`);
  writeWithTemplate(modelPath, path, templates[name]?.source ?? '');
  const settings = { ...defaultLoadSettings, devices: 'cpu', maxLength: 6144, maxBatchSize: 1, threads: 1 };
  const options = { onProgress: () => undefined, log: () => undefined, signal: new AbortController().signal };
  const loaded = await backend.load({ modelPath: path, mmprojPath: undefined }, settings, options);
  if (!(loaded instanceof LoadedLlama)) throw new Error('not a model of node-llama-cpp');
  onTestFinished(() => loaded.close());
  return loaded;
}

interface Said {
  readonly text: string;
  readonly thought: string;
  readonly calls: readonly { readonly name: string; readonly id: string; readonly arguments: string }[];
  readonly reason: string;
}

/** What comes of an answer that begins with these tokens. */
async function said(model: LoadedLlama, tokens: readonly number[], changes: Partial<GenerateRequest>): Promise<Said> {
  const request: GenerateRequest = {
    ...greedyRequest,
    messages: [{ role: 'user', content: [{ type: 'text', text: 'How warm is it?' }] }],
    maxTokens: 600,
    reasoning: { isApart: true, maxTokens: undefined, endMessage: '' },
    ...changes,
  };
  const runs = tokens.length === 0 ? [] : [{ after: 0, tokens: Int32Array.from(tokens) }];
  const events: GenerationEvent[] = [];
  const answer = model.generateForced(request, new AbortController().signal, runs, () => undefined);
  for await (const event of answer) events.push(event);
  const calls: { name: string; id: string; arguments: string }[] = [];
  for (const event of events) {
    if (event.type !== 'tool-call-delta') continue;
    if (event.call !== undefined) calls[event.index] = { ...event.call, arguments: '' };
    const call = calls[event.index];
    if (call !== undefined) call.arguments += event.arguments;
  }
  const joined = (type: 'text-delta' | 'reasoning-delta'): string =>
    events.map((event) => (event.type === type ? event.text : '')).join('');
  const finish = events.at(-1);
  if (finish?.type !== 'finish') throw new Error('It did not finish.');
  return { text: joined('text-delta').trim(), thought: joined('reasoning-delta').trim(), calls, reason: finish.reason };
}

const span = {
  type: 'object',
  properties: {
    code: { type: 'string', pattern: '^[A-Z]{2}$' },
    label: { type: 'string', minLength: 1, maxLength: 4 },
    unit: { enum: ['C', 'F'] },
    hours: { type: 'array', items: { type: 'integer', minimum: 0, maximum: 23 }, maxItems: 2 },
    sign: {
      allOf: [
        { type: 'string', pattern: '^[+-]$' },
        { type: 'string', minLength: 1 },
      ],
    },
    share: { type: 'number', minimum: 0.25, maximum: 0.75 },
  },
  required: ['code', 'label', 'sign', 'share'],
  additionalProperties: false,
};
const forecast: Tool = {
  name: 'forecast',
  description: 'Looks ahead.',
  parameters: {
    type: 'object',
    properties: {
      unit: { enum: ['C', 'F'] },
      days: { type: 'integer', minimum: 1, maximum: 9 },
      place: { type: 'string', pattern: '^[A-Z]{2}-[0-9]{2}$' },
      sure: { type: 'boolean' },
      when: { enum: ['day', 'night'] },
      spans: { type: 'array', items: span, minItems: 1, maxItems: 2 },
    },
    required: ['unit', 'days', 'place', 'spans'],
    additionalProperties: false,
  },
};
const isForecast = new Ajv().compile(forecast.parameters ?? {});
const random = { ...greedy, temperature: 1, seed: 3 };
/** Qwen 3.5 begins with its thoughts. */
const thoughtless = { ...greedyRequest.template, variables: { enable_thinking: false } };

describe.each(names)('%s', (name) => {
  const answers = familyCalls.filter(({ template }) => template === name);
  const variables = name === 'Reka-Edge' ? { enable_thinking: true } : {};

  it('calls with the tokens of the family, as it writes them and by the schema', async () => {
    const model = await load(name);
    for (const { answer, thought } of answers) {
      const tools = { tools: [weather, now], choice: 'auto', parallel: true } as const;
      const tokens = [...(await model.inspectTokens(answer, true)), 50_256];
      const template = { ...greedyRequest.template, variables };
      const { calls, ...rest } = await said(model, tokens, { tools, template });
      expect(rest).toEqual({ text: '', thought, reason: 'tool_calls' });
      expect(calls.map((call) => call.name)).toEqual(answer.includes('now') ? ['weather', 'now'] : ['weather']);
      expect(JSON.parse(calls[0]?.arguments ?? '')).toEqual(weatherArguments);
    }
    for (const choice of ['required', { name: 'forecast' }] as const) {
      const tools = { tools: choice === 'required' ? [forecast] : [now, forecast], choice, parallel: false };
      const reasoning = { isApart: true, maxTokens: 0, endMessage: '' };
      const asked = { tools, template: thoughtless, reasoning, sampling: random };
      const { calls, reason, text } = await said(model, [], asked);
      expect({ text, reason, names: calls.map((call) => call.name) }).toEqual({
        text: '',
        reason: 'tool_calls',
        names: ['forecast'],
      });
      const made: unknown = JSON.parse(calls[0]?.arguments ?? '');
      expect(isForecast(made), `${calls[0]?.arguments ?? ''}: ${JSON.stringify(isForecast.errors)}`).toBe(true);
    }
  });
});

it('an answer ends at the stop strings of its template, and at those of its request', async () => {
  const model = await load(withStops);
  const tokens = [...(await model.inspectTokens('Warm.</assistant> And more.', false))];
  const asked = { template: thoughtless, tools: { tools: [now], choice: 'auto', parallel: true } } as const;
  expect(await said(model, tokens, asked)).toMatchObject({ text: 'Warm.', reason: 'stop' });
  expect(await said(model, tokens, { ...asked, stop: ['rm'] })).toMatchObject({ text: 'Wa', reason: 'stop' });
});
