import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { getLlama, type LlamaModel, type Token } from 'node-llama-cpp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import backend from '../../../backends/node-llama-cpp/index.ts';
import { LoadedLlama } from '../../../backends/node-llama-cpp/loaded-llama.ts';
import { convertCheckpoint } from '../../../src/convert/index.ts';
import { defaultLoadSettings } from '../../../src/settings/index.ts';
import { faithfulCheckpoint } from '../../engine/seeing-checkpoints.ts';
import { trainedName } from '../../engine/trained-checkpoint.ts';
import { writeCheckpoint } from '../../reference/write-checkpoint.ts';
import { growth } from '../../support/growth.ts';

/** A family for each algorithm, and of pre-tokenizers one that llama.cpp wrote out and two that std::regex matches. */
const names = [
  trainedName,
  'paddleocr-vl-tiny',
  'qwen2.5-vl-tiny',
  'pixtral-tiny',
  'llama4-scout-tiny',
  'gemma4-e2b-tiny',
];

/** What a tokenizer treats in a way of its own; with the vocabulary's special tokens, texts are made of these. */
const words = [
  'a',
  'B',
  'hello',
  'Hello world',
  ' ',
  '  ',
  '\n',
  '\t',
  '1',
  '12345',
  "it's",
  '.',
  ',,',
  '<',
  '▁',
  '<0x0A>',
];
const rareWords = ['é', '中文', '😀', '\u{1F9FF}', '\u0000', '\u00A0', '\u0301', '\r\n', '“', 'ſ'];

/** Texts of which llama.cpp's own tokenizer, or the search for control strings, took time in the square of the length. */
const kinds: Readonly<Record<string, string>> = {
  'lines of a letter': 'a\n',
  'line breaks': '\n',
  'control strings': '<bos>',
  'beginnings of control strings': '<',
  emoji: '😀',
  'characters of no vocabulary': '\u{1F9FF}',
  digits: '1234567890',
  spaces: ' ',
  'a word without an end': 'a',
  words: 'Hello world ',
};

/** The CPU time in μs that a text takes. */
async function cpuOf(model: LoadedLlama, text: string): Promise<number> {
  const before = process.cpuUsage();
  await model.inspectTokens(text, true);
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

describe.each(names)('the tokenizer of %s', (name) => {
  let folder: string;
  let model: LoadedLlama;
  let llamaCpp: LlamaModel;
  let special: string[];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vserve-tokenizer-'));
    const { signal } = new AbortController();
    const sourceDir = join(folder, name);
    await writeCheckpoint(sourceDir, faithfulCheckpoint(name));
    const { modelPath } = await convertCheckpoint({
      sourceDir,
      destinationDir: folder,
      outtype: 'auto',
      onProgress: () => undefined,
      signal,
    });
    const loaded = await backend.load(
      { modelPath, mmprojPath: undefined },
      { ...defaultLoadSettings, devices: 'cpu', threads: 1, maxBatchSize: 1 },
      { onProgress: () => undefined, log: () => undefined, signal },
    );
    if (!(loaded instanceof LoadedLlama)) throw new Error('not a model of node-llama-cpp');
    model = loaded;
    const llama = await getLlama({ gpu: false, build: 'never', logger: () => undefined });
    llamaCpp = await llama.loadModel({ modelPath, vocabOnly: true });
    const { tokens, token_type: types } = llamaCpp.fileInfo.metadata.tokenizer.ggml;
    // Unknown, control, user-defined.
    special = tokens.filter((_, token) => [2, 3, 4].includes(types?.[token] ?? 0));
  });
  afterAll(async () => {
    await model.close();
    await llamaCpp.dispose();
    await rm(folder, { recursive: true });
  });

  it("gives llama.cpp's own tokens, for any text", async () => {
    const word = fc.oneof(
      fc.constantFrom(...words),
      fc.constantFrom(...rareWords),
      fc.constantFrom(...special),
      // Two that may share bytes.
      fc
        .tuple(fc.constantFrom(...special), fc.nat(6), fc.constantFrom(...special))
        .map(([a, n, b]) => a.slice(0, n) + b),
    );
    const run = fc.tuple(
      word,
      fc.oneof({ weight: 5, arbitrary: fc.constant(1) }, { arbitrary: fc.nat(40), weight: 1 }),
    );
    const text = fc
      .array(run, { maxLength: 30 })
      .map((runs) => runs.map(([part, times]) => part.repeat(times)).join(''));
    await fc.assert(
      fc.asyncProperty(text, fc.boolean(), async (given, parseSpecial) => {
        const own = await model.inspectTokens(given, parseSpecial);
        expect([...own]).toEqual(llamaCpp.tokenize(given, parseSpecial) satisfies Token[]);
      }),
      { numRuns: 300, seed: 1 },
    );
  });

  it('takes a time that grows as the text does', async () => {
    const texts = {
      ...kinds,
      'special tokens': special.join(''),
      'ends of special tokens': special.at(-1)?.slice(1) ?? '',
    };
    for (const [kind, unit] of Object.entries(texts)) {
      const small = unit.repeat(Math.ceil(60_000 / Buffer.byteLength(unit)));
      // 64 times where it grew with the square of the length.
      const ratio = await growth(
        () => cpuOf(model, small),
        () => cpuOf(model, small.repeat(8)),
        24,
      );
      expect({ kind, ratio }).toSatisfy((found: { ratio: number }) => found.ratio < 24);
    }
  });
});
