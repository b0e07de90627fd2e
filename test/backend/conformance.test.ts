import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import echo from '../../backends/echo/index.ts';
import type { Backend, LoadedModel } from '../../src/backend/index.ts';
import { openConformance, runConformance } from '../../src/backend/conformance/index.ts';

/** The example of docs/backends.md. */
const page = await readFile(join(import.meta.dirname, '../../docs/backends.md'), 'utf8');
const [, template = ''] = /```js\n([^]*?export default \{[^]*?)```/.exec(page) ?? [];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vserve-conformance-'));
});
afterAll(() => rm(folder, { recursive: true }));

let modules = 0;

/** A backend of this source. */
async function backendOf(source: string): Promise<Backend> {
  modules += 1;
  const path = join(folder, `${String(modules)}.mjs`);
  await writeFile(path, source);
  return ((await import(pathToFileURL(path).href)) as { default: Backend }).default;
}

/** What one of the cases makes of a backend that is broken: its message. */
async function failureOf(backend: Backend, name: string): Promise<string> {
  const { cases, close } = await openConformance(backend, { timeoutMs: 500 });
  onTestFinished(() => close());
  const run = cases.find((candidate) => candidate.name === name)?.run;
  if (run === undefined) throw new Error(`There is no case "${name}".`);
  return run().then(
    () => 'It passed.',
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
}

describe('the template of the documentation', () => {
  test('is short, and conforms', async () => {
    expect(template.split('\n').length).toBeLessThan(60);
    const lines: string[] = [];
    const results = await runConformance(await backendOf(template), { print: (line) => lines.push(line) });
    expect(results.filter(({ outcome }) => outcome === 'failed')).toEqual([]);
    expect(lines.at(-1)).toMatch(/^shout: \d+ passed, 0 failed, \d+ skipped$/);
    expect(lines).toContain(
      'skipped an answer keeps to its format\n        The model has no capabilities.structuredOutput.',
    );
  });

  // What is broken, how, and the case that has to tell.
  const mutants: readonly (readonly [string, string, string, string])[] = [
    ['no version', 'specificationVersion: 1,', '', 'it declares the version of the specification'],
    ['no start', "yield { type: 'start', promptTokens };", '', 'events come in order: start, deltas, finish'],
    [
      'two ends',
      "yield {\n          type: 'finish'",
      "yield { type: 'finish', reason: 'stop', usage: { promptTokens, cachedTokens: 0, completionTokens: 9 }, timings: { queueMs: 0, prefillMs: 0, decodeMs: 0 } };\n        yield {\n          type: 'finish'",
      'events come in order: start, deltas, finish',
    ],
    [
      'halves of characters',
      "yield { type: 'text-delta', text, tokens: 1 };",
      "for (const half of text.split('')) yield { type: 'text-delta', text: half, tokens: 0 };\n          yield { type: 'text-delta', text: '', tokens: 1 };",
      'deltas have whole characters',
    ],
    [
      'an empty usage',
      'completionTokens: answer.length',
      'completionTokens: 0',
      'usage counts the prompt and the answer',
    ],
    [
      'another prompt in its usage',
      'usage: { promptTokens,',
      'usage: { promptTokens: 0,',
      'usage counts the prompt and the answer',
    ],
    ['times that are none', 'decodeMs: 0', 'decodeMs: NaN', 'timings are milliseconds'],
    [
      'always the same reason',
      "answer.length < words.length ? 'length' : 'stop'",
      "'stop'",
      'maxTokens ends an answer, with the reason length',
    ],
    [
      'no limit',
      'Math.min(maxTokens, contextLength - promptTokens)',
      'contextLength - promptTokens',
      'maxTokens ends an answer, with the reason length',
    ],
    [
      'stop strings in its answers',
      'said.slice(0, Math.min(said.length, ...stops))',
      'said',
      'a stop string ends an answer, and no part of it is in a delta',
    ],
    [
      'a part of the stop string',
      'Math.min(said.length, ...stops)',
      'Math.min(said.length, ...stops.map((at) => at + 1))',
      'a stop string ends an answer, and no part of it is in a delta',
    ],
    ['mixed-up answers', 'const answer = ', 'answer = ', 'several run at once, and each has its own answer'],
    [
      'an unknown code',
      "'context_length_exceeded'",
      "'too_long'",
      'a prompt that does not fit is refused before the first event',
    ],
    [
      'a late refusal',
      'if (promptTokens >= contextLength) {',
      "if (promptTokens >= contextLength) {\n        yield { type: 'start', promptTokens };",
      'a prompt that does not fit is refused before the first event',
    ],
    [
      'deaf to aborts',
      'AbortSignal.any([signal, closing.signal])',
      'closing.signal',
      'an abort ends a generation with its reason',
    ],
    [
      'another reason',
      'ended.throwIfAborted();\n          yield',
      "if (ended.aborted) throw new Error('aborted');\n          yield",
      'an abort ends a generation with its reason',
    ],
    ['places that stay taken', 'running -= 1;', '', 'places of aborted generations are free again'],
    [
      'statistics that never rest',
      'sequencesQueued: 0 }',
      'sequencesQueued: 1 }',
      'nothing runs once all answers have ended',
    ],
    [
      'deaf to its end',
      'AbortSignal.any([signal, closing.signal])',
      'signal',
      'close ends running generations with model_closed, and may be called again',
    ],
    [
      'one end only',
      'async close() {',
      "async close() {\n        if (closing.signal.aborted) throw new Error('Closed already.');",
      'close ends running generations with model_closed, and may be called again',
    ],
    [
      'loading on',
      '    signal.throwIfAborted();\n    const closing',
      '    const closing',
      'loading ends with the reason of an abort',
    ],
    [
      'embeddings that it has not',
      '{ vision: false }',
      '{ vision: false, embeddings: true }',
      'info says what the model can do',
    ],
    [
      'tools that it has not',
      '{ vision: false }',
      '{ vision: false, tools: true }',
      'a tool that must be called is called, with arguments that its schema allows',
    ],
    [
      'formats that it has not',
      '{ vision: false }',
      '{ vision: false, structuredOutput: true }',
      'an answer keeps to its format',
    ],
    [
      'log probabilities that it has not',
      '{ vision: false }',
      '{ vision: false, logProbs: true }',
      'log probabilities belong to the tokens of the text',
    ],
    [
      'log probabilities of prompts that it has not',
      '{ vision: false }',
      '{ vision: false, promptLogProbs: true }',
      'log probabilities of the prompt come before the first token',
    ],
    [
      'choices that it has not',
      '{ vision: false }',
      '{ vision: false, maxChoices: 2 }',
      'several answers to one request each have their deltas and their end',
    ],
    [
      'progress that it has not',
      '{ vision: false }',
      '{ vision: false, progress: true }',
      'progress is told while the prompt is computed',
    ],
    [
      'an end that it keeps',
      '{ vision: false }',
      '{ vision: false, ignoreEos: true }',
      'ignoreEos goes on to maxTokens',
    ],
    [
      'no control of its answers',
      '{ vision: false }',
      '{ vision: false, answerControl: true }',
      'includeStop makes the stop string a part of the answer',
    ],
    ['eyes that it has not', '{ vision: false }', '{ vision: true }', 'a picture is a part of the prompt'],
  ];

  test.each(mutants)('with %s does not', async (what, from, to, name) => {
    expect(template).toContain(from);
    const shared = what === 'mixed-up answers' ? 'let answer;\n' : '';
    const broken = await backendOf(shared + template.replace(from, () => to));
    expect(await failureOf(broken, name)).not.toBe('It passed.');
  });
});

/** The echo backend with something else in its models. */
function changedEcho(change: (model: LoadedModel) => Partial<LoadedModel>): Backend {
  return {
    ...echo,
    async load(...given) {
      const model = await echo.load(...given);
      const changed = change(model);
      return new Proxy(model, {
        get(target, key) {
          if (key in changed) return changed[key as keyof LoadedModel];
          const member: unknown = Reflect.get(target, key, target);
          return typeof member === 'function' ? (member.bind(target) as unknown) : member;
        },
      });
    },
  };
}

describe('the echo backend', () => {
  test('conforms', async () => {
    const results = await runConformance(echo, { print: () => undefined });
    expect(results.filter(({ outcome }) => outcome === 'failed')).toEqual([]);
  });

  test.each<[string, (model: LoadedModel) => Partial<LoadedModel>, string]>([
    [
      'another count',
      (model) => ({ countPrompt: async (...given) => ((await model.countPrompt?.(...given)) ?? 0) + 1 }),
      'countPrompt counts what a generation does',
    ],
    [
      'tokens of another text',
      (model) => ({ detokenize: async (ids) => `${(await model.detokenize?.(ids)) ?? ''}.` }),
      'tokens become the text again that they were made of',
    ],
    [
      'a vector of another length',
      (model) => ({
        embed: async (...given) => {
          const embedding = await model.embed?.(...given);
          return { promptTokens: 1, vector: (embedding?.vector ?? new Float32Array()).map((value) => 2 * value) };
        },
      }),
      'embeddings have unit length, and equal inputs have equal ones',
    ],
    [
      'no marker for pictures',
      (model) => ({
        renderPrompt: async (...given) => ((await model.renderPrompt?.(...given)) ?? '').replaceAll('<', ''),
      }),
      'renderPrompt has the texts, and a marker for each picture',
    ],
  ])('with %s does not', async (_, change, name) => {
    expect(await failureOf(changedEcho(change), name)).not.toBe('It passed.');
  });
});

test('a case that does not end in time has failed, and its generation is aborted', async () => {
  const stuck = await backendOf(
    template.replace("yield { type: 'start'", "await new Promise(() => {});\n        yield { type: 'start'"),
  );
  const { cases, close } = await openConformance(stuck, { timeoutMs: 20 });
  onTestFinished(() => close());
  const order = cases.find(({ name }) => name.startsWith('events come in order'));
  await expect(order?.run()).rejects.toThrow('It has not ended within 0.02 s.');
});
