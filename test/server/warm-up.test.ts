import { expect, it } from 'vitest';
import { Gate } from '../support/gate.ts';
import { chatBody, send } from './support/http.ts';
import { scriptedModel } from './support/scripted-model.ts';
import { serveModel } from './support/serve.ts';
import { echoSource, serveSources } from './support/sources.ts';
import { turnUntil } from './support/turn-until.ts';

const ask = (url: string, model: string) =>
  send(`${url}/v1/chat/completions`, { method: 'POST', body: chatBody('hi', { model }) });

it('a model that a request has loaded warms up once that request has ended', async () => {
  const gate = new Gate();
  const model = echoSource('m', { beforeDelta: () => gate.opened });
  const { url } = await serveSources([model, echoSource('other')]);
  const answer = ask(url, 'm');
  await turnUntil(() => model.happened.includes('load'));
  expect((await send(`${url}/v1/models`)).status).toBe(200);
  expect(model.warmUps).toEqual([]);
  gate.open();
  expect((await answer).status).toBe(200);
  await turnUntil(() => model.warmUps.length > 0);
  expect((await ask(url, 'm')).status).toBe(200);
  expect(model.warmUps).toEqual([['load']]);
});

it('a model that is loaded at the start warms up then', async () => {
  const model = echoSource('m', { preload: true });
  await serveSources([model, echoSource('other')]);
  await turnUntil(() => model.warmUps.length > 0);
  expect(model.warmUps).toEqual([['load']]);
});

it('the one model of a server warms up when it is told to, and a failure is a warning', async () => {
  const failing = { ...scriptedModel({ text: 'x' }), warmUp: () => Promise.reject(new Error('No thread.')) };
  const server = await serveModel(failing);
  await server.warmUp();
  expect(server.log).toEqual(['warning The first schemas will be slow: No thread.']);
});

it('a server without schemas of its own reads a sample request, which is a valid one', async () => {
  const server = await serveModel(scriptedModel({ text: 'x' }));
  await server.warmUp();
  expect(server.log).toEqual([]);
});
