import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { LoadedLlama } from '../../../backends/node-llama-cpp/loaded-llama.ts';
import type { GenerateRequest, LoadedAdapter, LoadedModel } from '../../../src/backend/index.ts';
import { convertCheckpoint, mergedAdapterFolder } from '../../../src/convert/index.ts';
import { besideOthers, merged, writeAdapter } from '../../reference/adapters.ts';
import { adapterFile, adapterReference, removableFolder } from '../../support/adapters.ts';
import type { AdaptedAnswer, Removable } from '../../support/adapters.ts';
import { shapesCheckpointDir } from '../../support/shapes.ts';
import { answer, greedy, loadShapes, picture, shapesFiles, userTurn } from '../../support/shapes-engine.ts';

const names = Object.keys(besideOthers);
const sureMargin = 0.05;
/** Draws in which adapters differ early. */
const wild = { ...greedy, temperature: 2, seed: 1 };
let made: Removable;
let model: LoadedModel;
const paths = new Map<string, string>();
const adapters = new Map<string, LoadedAdapter>();

beforeAll(async () => {
  made = await removableFolder();
  model = await loadShapes({ maxBatchSize: 9 });
  for (const [name, adapter] of Object.entries(besideOthers)) {
    const path = await adapterFile(made.folder, name, adapter);
    paths.set(name, path);
    adapters.set(name, await load(model, path));
  }
});
afterAll(async () => {
  await model.close();
  await made.remove();
});

async function load(into: LoadedModel, path: string): Promise<LoadedAdapter> {
  const adapter = await into.loadAdapter?.(path);
  if (adapter === undefined) throw new Error('The model takes no adapters.');
  return adapter;
}

/** The request of a reference; the empty name is that of the model itself. */
async function requestOf(name: string, { hasPicture, question }: AdaptedAnswer): Promise<GenerateRequest> {
  const image = { type: 'image' as const, image: await picture(adapterReference.picture) };
  return userTurn(hasPicture ? [image, question] : [question], {
    maxTokens: adapterReference.newTokens,
    adapter: adapters.get(name)?.id,
  });
}

/** Compares the first logits of the answers with a reference. */
async function expectLogits(of: LoadedModel, name: string): Promise<void> {
  if (!(of instanceof LoadedLlama)) throw new Error('not a model of node-llama-cpp');
  for (const one of adapterReference.answers[name] ?? []) {
    const found = await of.firstLogits(await requestOf(name, one), 32);
    const logits = new Map(found.map(({ token, logit }) => [token, logit]));
    for (const [token, logit] of one.logits) expect(Math.abs((logits.get(token) ?? 1e9) - logit)).toBeLessThan(0.1);
  }
}

/** Answers in which another order of the same sums does not change a token. */
const sure = Object.entries(adapterReference.answers).flatMap(([name, answers]) =>
  name === '' || names.includes(name)
    ? answers.filter(({ margin }) => margin > sureMargin).map((one) => ({ name, one }))
    : [],
);

it('answers with each adapter as transformers and PEFT do', async () => {
  expect(sure.length).toBeGreaterThan(12);
  const told = [];
  for (const { name, one } of sure) told.push({ name, text: (await answer(model, await requestOf(name, one))).text });
  expect(told).toEqual(sure.map(({ name, one }) => ({ name, text: one.answer })));
});

it('has the logits of transformers and PEFT', async () => {
  for (const name of ['', ...names]) await expectLogits(model, name);
});

it('gives eight adapters and the model itself at once the answers it gives them one after another', async () => {
  const [first] = adapterReference.answers[''] ?? [];
  if (first === undefined) throw new Error('no reference');
  const requests = await Promise.all(
    ['', ...names].map((name) => requestOf(name, { ...first, question: 'What now?' })),
  );
  const longer = requests.map((request) => ({ ...request, maxTokens: 40, ignoreEos: true, sampling: wild }));
  const apart = [];
  for (const request of longer) apart.push((await answer(model, { ...request, cacheSalt: 'apart' })).text);
  const together = await Promise.all(longer.map((request) => answer(model, { ...request, cacheSalt: 'together' })));
  expect(together.map(({ text }) => text)).toEqual(apart);
  expect(new Set(apart).size).toBeGreaterThan(names.length / 2);
});

it('uses no cells of another adapter for the same prompt', async () => {
  const [one] = adapterReference.answers[''] ?? [];
  if (one === undefined) throw new Error('no reference');
  const cached = async (name: string): Promise<number> => {
    const { finish } = await answer(model, { ...(await requestOf(name, one)), cacheSalt: 'once' });
    return finish.usage.cachedTokens;
  };
  expect([await cached('plain'), await cached('attention'), await cached('')]).toEqual([0, 0, 0]);
  expect([(await cached('')) > 0, (await cached('attention')) > 0, (await cached('plain')) > 0]).toEqual([
    true,
    true,
    true,
  ]);
});

it.each(Object.entries(merged))(
  'answers as transformers and PEFT do with %s merged into the model',
  async (name, adapter) => {
    const folder = join(made.folder, `with-${name}`);
    await cp(shapesCheckpointDir, folder, { recursive: true });
    await writeAdapter(join(folder, mergedAdapterFolder), adapter, shapesCheckpointDir);
    const { signal } = new AbortController();
    const files = await convertCheckpoint({
      sourceDir: folder,
      destinationDir: join(folder, 'gguf'),
      outtype: 'f32',
      onProgress: () => undefined,
      signal,
    });
    const whole = await loadShapes({ maxBatchSize: 1 }, files);
    onTestFinished(() => whole.close());
    await expectLogits(whole, name);
    for (const one of adapterReference.answers[name] ?? []) {
      if (one.margin > sureMargin) expect((await answer(whole, await requestOf('', one))).text).toBe(one.answer);
    }
  },
);

it('keeps an adapter for the requests that use it, and takes no more', async () => {
  const path = paths.get('plain') ?? '';
  const loaded = await load(model, path);
  const request = userTurn(['Tell me a story.'], { maxTokens: 60, ignoreEos: true, adapter: loaded.id });
  const { text: whole } = await answer(model, request);
  const events = model.generate(request, new AbortController().signal);
  let text = '';
  let unloading: Promise<void> | undefined;
  let isUnloaded = false;
  const unloaded = async (): Promise<void> => {
    await loaded.unload();
    isUnloaded = true;
  };
  for await (const event of events) {
    unloading ??= unloaded();
    if (event.type === 'text-delta') text += event.text;
    expect(isUnloaded).toBe(false);
  }
  await unloading;
  expect(text).toBe(whole);
  await expect(answer(model, request)).rejects.toMatchObject({ code: 'model_not_found' });
  // Another one, which may get the memory of the first.
  const again = await load(model, path);
  onTestFinished(() => again.unload());
  expect(again.id).not.toBe(loaded.id);
  expect((await answer(model, { ...request, adapter: again.id })).text).toBe(whole);
});

it('leaves nothing of an adapter in the cache that is unloaded', async () => {
  const loaded = await load(model, paths.get('plain') ?? '');
  const request = userTurn(['Tell me a story.'], { maxTokens: 4, adapter: loaded.id });
  const { finish } = await answer(model, request);
  const before = model.work?.()?.cachedTokens ?? 0;
  await loaded.unload();
  const after = model.work?.()?.cachedTokens ?? 0;
  expect(before - after).toBeGreaterThanOrEqual(finish.usage.promptTokens);
});

it('refuses a file that is no adapter of the model', async () => {
  await expect(load(model, shapesFiles().modelPath)).rejects.toMatchObject({
    code: 'gguf_invalid',
    message: expect.stringMatching(/it is no adapter, but model\.$/) as string,
  });
});
