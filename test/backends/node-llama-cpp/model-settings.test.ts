import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import backend from '../../../backends/node-llama-cpp/index.ts';
import { LoadedLlama } from '../../../backends/node-llama-cpp/loaded-llama.ts';
import type { GenerateRequest, ToolSettings } from '../../../src/backend/index.ts';
import { convertCheckpoint } from '../../../src/convert/index.ts';
import { defaultLoadSettings } from '../../../src/settings/index.ts';
import { greedyRequest } from '../../engine/greedy.ts';
import { faithfulCheckpoint } from '../../engine/seeing-checkpoints.ts';
import { withTokens } from '../../engine/with-tokens.ts';
import type { SyntheticCheckpoint } from '../../reference/write-checkpoint.ts';
import { writeCheckpoint } from '../../reference/write-checkpoint.ts';

/** As SmolDocling's and Granite Docling's vocabularies have them. */
const docTags = ['<doctag>', '</doctag>', '<text>', '</text>', '<loc_12>', '<loc_34>', '<loc_500>', '<otsl>', '<fcel>'];
const smolvlm = withTokens(faithfulCheckpoint('smolvlm-tiny'), [...docTags, '<finish>', '<bad>', '<worse>']);
const ocr = withTokens(faithfulCheckpoint('deepseek-ocr-tiny'), ['<td>', '</td>']);
const idOf = (text: string): number => smolvlm.ids.get(text) ?? -1;

const generationConfig = {
  do_sample: false,
  temperature: 0.7,
  typical_p: 0.9,
  no_repeat_ngram_size: 5,
  min_new_tokens: 2,
  max_new_tokens: 9,
  eos_token_id: [idOf('<end_of_utterance>'), idOf('<finish>')],
  suppress_tokens: [idOf('<worse>')],
  bad_words_ids: [[idOf('<bad>')], [1, 2]],
  num_beams: 4,
};

const folders: string[] = [];
const logged: string[] = [];

const onProgress = (): void => undefined;
const log = (level: string, message: string): number => logged.push(`${level}: ${message}`);

async function load({ files, ...checkpoint }: SyntheticCheckpoint, more: object = {}): Promise<LoadedLlama> {
  const { signal } = new AbortController();
  const folder = await mkdtemp(join(tmpdir(), 'vserve-model-settings-'));
  folders.push(folder);
  const sourceDir = join(folder, 'source');
  await writeCheckpoint(sourceDir, { ...checkpoint, files: { ...files, ...more } });
  const converted = await convertCheckpoint({
    sourceDir,
    destinationDir: folder,
    outtype: 'bf16',
    onProgress,
    onWarning: (warning) => logged.push(`converted: ${warning}`),
    signal,
  });
  const settings = { ...defaultLoadSettings, devices: 'cpu', maxLength: 256, maxBatchSize: 1, threads: 1 };
  const loaded = await backend.load(converted, settings, { onProgress, log, signal });
  if (!(loaded instanceof LoadedLlama)) throw new Error('not a model of node-llama-cpp');
  return loaded;
}

let model: LoadedLlama;
beforeAll(async () => {
  model = await load(smolvlm.checkpoint, { 'generation_config.json': generationConfig });
});
afterAll(async () => {
  await model.close();
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

interface Said {
  readonly text: string;
  readonly reason: string;
  readonly tokens: number;
}

/** What comes of an answer that has these tokens. */
async function said(tokens: readonly number[], changes: Partial<GenerateRequest> = {}): Promise<Said> {
  const messages = [{ role: 'user', content: [{ type: 'text', text: 'Convert this page to docling.' }] }] as const;
  const request = { messages, ...greedyRequest, maxTokens: tokens.length, ...changes };
  const runs = [{ after: 0, tokens: Int32Array.from(tokens) }];
  let text = '';
  for await (const event of model.generateForced(request, new AbortController().signal, runs, () => undefined)) {
    if (event.type === 'text-delta') text += event.text;
    if (event.type === 'finish') return { text, reason: event.reason, tokens: event.usage.completionTokens };
  }
  throw new Error('It did not finish.');
}

describe('generation_config.json', () => {
  it('sets the defaults of what there are samplers and limits for', () => {
    expect(model.info.samplingDefaults).toMatchObject({
      temperature: 0,
      typicalP: 0.9,
      noRepeatNgramSize: 5,
      noRepeatNgramWindow: -1,
      noRepeatNgramPrompt: true,
    });
    expect(model.info.generationDefaults).toEqual({ minTokens: 2, maxTokens: 9 });
  });

  it('is told by name where it is not followed, at the conversion and at each load', () => {
    const told = ['num_beams is not followed (4)', 'bad_words_ids is not followed (1 sequences of several tokens)'];
    for (const message of told) {
      for (const when of ['converted', 'warning']) {
        expect(logged).toContain(`${when}: generation_config.json: ${message}.`);
      }
    }
    expect(logged.filter((line) => /^(converted|warning): generation_config/.test(line))).toHaveLength(4);
  });

  it('names tokens that end an answer, besides those that llama.cpp knows', async () => {
    const letters = [...(await model.inspectTokens('abc', false))];
    const ended = { reason: 'stop', tokens: letters.length + 1 };
    expect(await said([...letters, idOf('<finish>'), ...letters])).toMatchObject({ ...ended, text: 'abc' });
    expect(await said([...letters, idOf('<end_of_utterance>'), ...letters])).toMatchObject(ended);
  });

  it('names tokens that are never drawn', async () => {
    const bias = ['<bad>', '<worse>'].map((text) => ({ token: idOf(text), bias: 1000 }));
    const sampling = { ...greedyRequest.sampling, logitBias: [...bias, { token: idOf('<loc_12>'), bias: 500 }] };
    expect(await said([], { sampling, maxTokens: 3, skipSpecialTokens: false })).toMatchObject({
      text: '<loc_12><loc_12><loc_12>',
    });
  });
});

describe('special tokens of documents', () => {
  const written = '<doctag><text><loc_12><loc_34><loc_500>Hi</text><otsl><fcel>1</doctag>';

  it('are left out of an answer', async () => {
    const tokens = await model.inspectTokens(written, true);
    expect(await said([...tokens])).toMatchObject({ text: 'Hi1', reason: 'length' });
  });

  it('are in it where they are not to be skipped', async () => {
    const tokens = [...(await model.inspectTokens(written, true))];
    expect(tokens.filter((id) => [...smolvlm.ids.values()].includes(id))).toHaveLength(9);
    const shown = { skipSpecialTokens: false };
    expect((await said(tokens, shown)).text).toBe(written);
    const ended = [...tokens, idOf('<end_of_utterance>')];
    expect(await said(ended, shown)).toMatchObject({ text: written, reason: 'stop' });
    expect((await said(ended, { ...shown, includeStop: true })).text).toBe(`${written}<end_of_utterance>`);
    expect(await said(tokens, { ...shown, stop: ['</text>'], includeStop: true })).toMatchObject({
      text: '<doctag><text><loc_12><loc_34><loc_500>Hi</text>',
      reason: 'stop',
    });
  });
});

it('DeepSeek-OCR does not repeat itself by default, but for the cells of tables, as its own code has it', async () => {
  const loaded = await load(ocr.checkpoint);
  expect(loaded.info.samplingDefaults).toEqual({
    noRepeatNgramSize: 30,
    noRepeatNgramWindow: 90,
    noRepeatNgramPrompt: false,
    noRepeatNgramAllowed: [ocr.ids.get('<td>'), ocr.ids.get('</td>')],
  });
  await loaded.close();
});

it('a template of its own is for conversations with tools', async () => {
  const { checkpoint } = smolvlm;
  const loaded = await load(checkpoint, {
    'chat_template.jinja': '{% for message in messages %}{{ message.content }}{% endfor %} plain',
    'additional_chat_templates/tool_use.jinja': '{% for message in messages %}{{ message.content }}{% endfor %} tools',
  });
  onTestFinished(() => loaded.close());
  const messages = [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }] as const;
  const written = async (tools?: ToolSettings): Promise<string> => {
    const request = { ...greedyRequest, messages, tools };
    const text = await loaded.renderPrompt(request, new AbortController().signal);
    const tokens = await loaded.inspectRequest(request);
    expect(tokens).toEqual([await loaded.inspectTokens(text, true)]);
    return text;
  };
  expect(await written()).toBe('Hi plain');
  const tool = { name: 'weather', description: '', parameters: { type: 'object', properties: {} } };
  expect(await written({ tools: [tool], choice: 'auto', parallel: undefined })).toMatch(/weather.*Hi tools$/s);
});
