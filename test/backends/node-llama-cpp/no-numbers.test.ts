import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { LoadedLlama } from '../../../backends/node-llama-cpp/loaded-llama.ts';
import { placesOf } from '../../../scripts/fuzz/gguf-places.ts';
import type { LoadSettings, ModelFiles } from '../../../src/backend/index.ts';
import { answer, greedy, loadShapes, picture, shapesFiles, userTurn } from '../../support/shapes-engine.ts';
import { readGgufHeader } from '../../../src/gguf/read-header.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vserve-no-numbers-'));
});
afterAll(() => rm(folder, { recursive: true }));

interface Patch {
  readonly tensor: string;
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** A patch of floats from `element` on. */
function floats(tensor: string, element: number, ...values: number[]): Patch {
  return { tensor, at: element * 4, bytes: new Uint8Array(Float32Array.from(values).buffer) };
}

/** Copies a GGUF file, with other bytes in its tensors. */
async function patched(path: string, name: string, patches: readonly Patch[]): Promise<string> {
  const file = await readFile(path);
  const offsets = placesOf(file).filter(({ kind }) => kind === 'offset');
  const { byteLength } = await readGgufHeader(path);
  for (const { tensor, at, bytes } of patches) {
    const place = offsets.find(({ of }) => of === tensor);
    if (place === undefined) throw new Error(`There is no tensor ${tensor}.`);
    file.set(bytes, byteLength + Number(file.readBigUInt64LE(place.at)) + at);
  }
  const copy = join(folder, `${name}-${basename(path)}`);
  await writeFile(copy, file);
  return copy;
}

async function load(
  files: Partial<ModelFiles>,
  settings: Partial<LoadSettings> = {},
  onLog?: (message: string) => void,
): Promise<LoadedLlama> {
  const model = await loadShapes({ threads: 1, ...settings }, files, onLog);
  onTestFinished(() => model.close());
  if (!(model instanceof LoadedLlama)) throw new Error('not a model of node-llama-cpp');
  return model;
}

const noNumbers = { code: 'generation_failed', message: expect.stringMatching(/computes no numbers/) as unknown };

it.each([
  ['none at all', NaN],
  ['too large', 3e38],
])('a model whose numbers are %s fails its requests', async (_, value) => {
  const values = Array.from({ length: 128 }, () => value);
  const patch = floats('output_norm.weight', 0, ...values);
  const model = await load({ modelPath: await patched(shapesFiles().modelPath, 'norm', [patch]) });
  for (const sampling of [greedy, { ...greedy, temperature: 1 }, { ...greedy, temperature: 1, topK: 40 }]) {
    await expect(answer(model, userTurn(['Hello'], { sampling }))).rejects.toMatchObject(noNumbers);
  }
});

/** Larger than any in half precision of eight bits: its square is infinite. */
const hugeBfloat16 = 0x7f7f;

/** A model that computes no numbers behind one token, and that token. */
async function withBadToken(): Promise<{ readonly modelPath: string; readonly badToken: number }> {
  const tokens = await (await load({})).inspectTokens('zebra', false);
  const badToken = tokens.at(-1) ?? 0;
  const row = new Uint8Array(128 * 2);
  new DataView(row.buffer).setUint16(0, hugeBfloat16, true);
  // The same row turns embeddings into logits: what it is multiplied with there is made nothing.
  const patches = [
    { tensor: 'token_embd.weight', at: badToken * row.length, bytes: row },
    floats('output_norm.weight', 0, 0),
  ];
  return { modelPath: await patched(shapesFiles().modelPath, 'token', patches), badToken };
}

// Where attention masks by adding minus infinity, one sequence's cells can spoil the others' that share the context with it.
it.each([
  { cells: 'separate', flashAttention: 'on' },
  { cells: 'separate', flashAttention: 'off' },
  { cells: 'shared', flashAttention: 'off', deviceMemoryUtilization: 0.01 },
] as const)(
  'a token without numbers fails its own request, and nothing of that is left (%o)',
  async ({ cells, ...settings }) => {
    const { modelPath } = await withBadToken();
    const log: string[] = [];
    const model = await load({ modelPath }, { ...settings, maxBatchSize: 3 }, (message) => log.push(message));
    expect(log.some((line) => line.startsWith('Context: ') && line.includes('shared by'))).toBe(cells === 'shared');
    const good = userTurn(['Tell me a story.'], { maxTokens: 60 });
    const { text } = await answer(model, good);
    const bad = userTurn(['Tell me a story. zebra'], { maxTokens: 60 });
    const [first, failure, second] = await Promise.all([
      answer(model, good),
      answer(model, bad).catch((error: unknown) => error),
      answer(model, { ...good, cacheSalt: 'other' }),
    ]);
    expect(failure).toMatchObject(noNumbers);
    expect([first.text, second.text]).toEqual([text, text]);
    for (const cacheSalt of ['', 'a', 'b', 'c']) expect((await answer(model, { ...good, cacheSalt })).text).toBe(text);
  },
);

it('an answer that has no numbers in its middle is told from those that are computed anew beside it', async () => {
  const { modelPath, badToken } = await withBadToken();
  // Small steps: a long prompt takes many of them.
  const settings = { flashAttention: 'off', maxBatchSize: 3, maxBatchInputTokens: 16 } as const;
  const model = await load({ modelPath }, { ...settings, deviceMemoryUtilization: 0.01 });
  const long = userTurn(['Tell me a story. '.repeat(60)], { maxTokens: 20 });
  const { text } = await answer(model, long);
  const run = { after: 30, tokens: Int32Array.of(badToken) };
  const endless = userTurn(['Tell me a story.'], { maxTokens: 60, ignoreEos: true });
  const late = model.generateForced(endless, new AbortController().signal, [run], () => undefined);
  const drained = (async () => {
    while ((await late.next()).done !== true);
  })();
  const [failedLate, good, failedSoon] = await Promise.all([
    drained.catch((error: unknown) => error),
    answer(model, { ...long, cacheSalt: 'other' }),
    answer(model, userTurn(['zebra'])).catch((error: unknown) => error),
  ]);
  expect(failedLate).toMatchObject(noNumbers);
  expect(failedSoon).toMatchObject(noNumbers);
  expect(good.text).toBe(text);
});

it('a picture whose encoder computes no numbers fails, and is not kept', async () => {
  const mmproj = shapesFiles().mmprojPath ?? '';
  const patch = floats('mm.soft_emb_norm.weight', 0, NaN);
  const model = await load({ mmprojPath: await patched(mmproj, 'encoder', [patch]) });
  const seen = userTurn([{ type: 'image', image: await picture('000-0.png') }, 'What is it?']);
  for (let time = 0; time < 2; time++) {
    await expect(answer(model, seen)).rejects.toMatchObject({
      code: 'generation_failed',
      message: expect.stringMatching(/^The vision encoder computes no numbers/) as unknown,
    });
  }
  expect((await answer(model, userTurn(['Hello']))).text).not.toBe('');
});
