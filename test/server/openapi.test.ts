import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { send } from './support/http.ts';
import { serve } from './support/serve.ts';

const file = await readFile(new URL('../fixtures/images/grey.png', import.meta.url));
const picture = `data:image/png;base64,${file.toString('base64')}`;

interface Described {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

interface Operation {
  readonly summary: string;
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly example: object }>> };
  readonly responses: Readonly<Record<string, object>>;
}

async function described(url: string): Promise<Described> {
  const { status, headers, text } = await send(`${url}/openapi.json`);
  expect([status, headers['content-type']]).toEqual([200, 'application/json']);
  return JSON.parse(text) as Described;
}

it('the description of the API has every route, with examples that are answered', async () => {
  const server = await serve();
  const { openapi, paths } = await described(server.url);
  expect(openapi).toBe('3.1.0');
  expect(Object.keys(paths)).toContain('/v1/chat/completions');
  for (const [path, { post }] of Object.entries(paths)) {
    const example = post?.requestBody?.content['application/json']?.example;
    if (post === undefined || example === undefined) continue;
    const body = JSON.stringify(example).replaceAll(/https:[^"]*\.png/g, picture);
    const { status, text } = await send(server.url + path, { method: 'POST', body });
    expect([path, status, text]).toEqual([path, 200, expect.any(String)]);
  }
});

it('the page shows it without a network: nothing in it comes from elsewhere', async () => {
  const { url } = await serve();
  const page = await send(`${url}/docs`);
  expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
  const references = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, reference = '']) => reference);
  expect(references.filter((reference) => /^(?:https?:)?\/\//.test(reference))).toEqual([]);
  for (const reference of references.filter((reference) => !reference.startsWith('data:'))) {
    expect([reference, (await send(`${url}/${reference}`)).status]).toEqual([reference, 200]);
  }
});
