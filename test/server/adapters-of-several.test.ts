import { expect, it } from 'vitest';
import type { ModelSource } from '../../src/server/index.ts';
import { chatBody, send } from './support/http.ts';
import { echoSource, serveSources } from './support/sources.ts';

interface AdaptedSource extends ModelSource {
  /** Of each generation, the adapter; undefined for the model itself. */
  readonly asked: (number | undefined)[];
}

/** A model whose adapters are numbered from 1 on. */
function adaptedSource(name: string, adapterNames: readonly string[]): AdaptedSource {
  const base = echoSource(name);
  const adapters = adapterNames.map((own) => ({ name: own, path: `./${own}` }));
  const asked: (number | undefined)[] = [];
  return {
    ...base,
    adapters,
    asked,
    async load(signal, report) {
      const loaded = await base.load(signal, report);
      const { model } = loaded;
      const generate: typeof model.generate = (request, until) => {
        asked.push(request.adapter);
        return model.generate(request, until);
      };
      const preloaded = adapters.map((own, i) => ({ ...own, adapter: { id: i + 1, unload: () => Promise.resolve() } }));
      return { ...loaded, model: { ...model, generate }, adapters: { preloaded, most: 8, prepare: undefined } };
    },
  };
}

async function ask(url: string, model: string): Promise<string> {
  const { text } = await send(`${url}/v1/chat/completions`, { method: 'POST', body: chatBody('hi', { model }) });
  const {
    choices,
    model: named,
    error,
  } = JSON.parse(text) as {
    choices?: readonly { message: { content: string } }[];
    model?: string;
    error?: { code: string; message: string };
  };
  return error === undefined ? `${named ?? ''}: ${choices?.[0]?.message.content ?? ''}` : error.message;
}

async function listed(url: string) {
  const { data } = JSON.parse((await send(`${url}/v1/models`)).text) as {
    data: { id: string; parent: string | null; status: { value: string } }[];
  };
  return data.map(({ id, parent, status }) => [id, parent, status.value]);
}

it('the name of an adapter brings its model into memory, as often as it has left', async () => {
  const [a, b] = [adaptedSource('a', ['captions', 'receipts']), adaptedSource('b', ['poems'])];
  const { url } = await serveSources([a, b], { maxLoaded: 1 });
  expect(await ask(url, 'receipts')).toBe('receipts: a: hi');
  expect(await ask(url, 'b:poems')).toBe('poems: b: hi');
  expect(await ask(url, 'captions:latest')).toBe('captions: a: hi');
  expect(await ask(url, 'a')).toBe('a: a: hi');
  expect([a.asked, b.asked]).toEqual([[2, 1, undefined], [1]]);
});

it('lists have the adapters of all models, in memory or not', async () => {
  const { url } = await serveSources([adaptedSource('a', ['captions']), adaptedSource('b', ['poems'])]);
  expect(await listed(url)).toEqual([
    ['a', null, 'unloaded'],
    ['b', null, 'unloaded'],
    ['captions', 'a', 'unloaded'],
    ['poems', 'b', 'unloaded'],
  ]);
  await ask(url, 'poems');
  expect(await listed(url)).toContainEqual(['poems', 'b', 'loaded']);
  expect(JSON.parse((await send(`${url}/v1/models/captions`)).text)).toMatchObject({ id: 'captions', parent: 'a' });
  expect(await ask(url, 'stories')).toMatch(/This server has "a", "b", "captions", "poems"\./);
});

it('a model that is alone and comes and goes has its adapters back', async () => {
  const a = adaptedSource('a', ['captions']);
  const { url } = await serveSources([a], { keepAliveMs: 0 });
  for (const name of ['captions', 'a', 'captions']) await ask(url, name);
  expect(a.asked).toEqual([1, undefined, 1]);
});

it('who wants to load an adapter is told where those of several models are named', async () => {
  const { url } = await serveSources([adaptedSource('a', []), adaptedSource('b', [])]);
  const body = JSON.stringify({ lora_name: 'x', lora_path: './x' });
  const { status, text } = await send(`${url}/v1/load_lora_adapter`, { method: 'POST', body });
  expect(status).toBe(400);
  expect(text).toMatch(/lora_paths .* --models-file/);
});
