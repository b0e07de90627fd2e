import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createEchoBackend } from '../../backends/echo/index.ts';
import type { ServerSettings } from '../../src/server/index.ts';
import { openServer } from '../../src/server/index.ts';
import { ServerState } from '../../src/server/server-state.ts';
import { defaultLoadSettings } from '../../src/settings/index.ts';
import { chatBody, openSocket, send } from './support/http.ts';
import { mediaSettings, serverSettings } from './support/settings.ts';

/** A server whose model is yet to come, and the log. */
async function openWithoutModel(settings: Partial<ServerSettings> = {}) {
  const log: string[] = [];
  const server = await openServer({
    hosts: ['127.0.0.1'],
    port: 0,
    metricsPort: undefined,
    version: '1.2.3',
    settings: serverSettings(settings),
    log: (level, message) => log.push(`${level} ${message}`),
  });
  onTestFinished(() => server.close());
  return { server, url: server.url, log };
}

function loadEcho() {
  return createEchoBackend().load({ modelPath: '', mmprojPath: undefined }, defaultLoadSettings, {
    onProgress: () => undefined,
    log: () => undefined,
    signal: new AbortController().signal,
  });
}

async function statusOf(url: string, path: string, method = 'GET'): Promise<number> {
  return (await send(url + path, { method })).status;
}

describe('before its model is loaded, a server', () => {
  it.each(['/health', '/v1/health', '/ping'])('says at %s how far it is', async (path) => {
    const { server, url } = await openWithoutModel();
    const starting = await send(url + path);
    expect([starting.status, starting.headers['retry-after']]).toEqual([503, '1']);
    expect(JSON.parse(starting.text)).toEqual({ status: 'loading', stage: 'starting', progress: 0 });
    server.report({ stage: 'downloading', fraction: 0.25 });
    expect(JSON.parse((await send(url + path)).text)).toEqual({
      status: 'loading',
      stage: 'downloading',
      progress: 0.25,
    });
  });

  it.each([
    ['POST', '/v1/chat/completions'],
    ['GET', '/v1/models'],
    ['GET', '/nothing'],
  ])('answers %s %s with 503, its progress, and when to come back', async (method, path) => {
    const { server, url, log } = await openWithoutModel();
    server.report({ stage: 'converting', fraction: 0.42 });
    const body = method === 'POST' ? { body: chatBody('hi') } : {};
    const answer = await send(url + path, { method, ...body });
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, expect.stringMatching(/^\d+$/)]);
    expect(JSON.parse(answer.text)).toEqual({
      error: {
        code: 'model_loading',
        message: 'The model is not loaded yet (converting, 42 %). Send the request again later.',
        param: null,
        type: 'api_error',
      },
    });
    expect(log).toEqual([expect.stringContaining(' 503 ')]);
  });

  it('asks for its keys, but not for its health, and keeps web pages out', async () => {
    const { url } = await openWithoutModel({ apiKeys: ['secret'] });
    expect(await statusOf(url, '/v1/models')).toBe(401);
    expect(await statusOf(url, '/health')).toBe(503);
    expect((await send(`${url}/v1/models`, { headers: { origin: 'https://evil.example' } })).status).toBe(403);
  });

  it('closes with its connections', async () => {
    const { server, url } = await openWithoutModel();
    const socket = await openSocket(Number(new URL(url).port));
    await server.close();
    await expect(send(`${url}/health`)).rejects.toThrow('ECONNREFUSED');
    socket.destroy();
  });
});

it('from then on, a server answers, also on connections that were there before', async () => {
  const { server, url } = await openWithoutModel();
  const socket = await openSocket(Number(new URL(url).port));
  const read: string[] = [];
  socket.setEncoding('latin1').on('data', (text: string) => read.push(text));
  const model = await loadEcho();
  const running = server.serve({ model, servedModelName: 'm', media: mediaSettings() });
  onTestFinished(() => running.shutdown());
  expect(running.url).toBe(url);
  expect(await send(`${url}/health`)).toMatchObject({ status: 200, text: '{"status":"ok"}' });
  socket.write('GET /v1/models HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
  await new Promise((resolve) => socket.once('close', resolve));
  expect(read.join('')).toMatch(/^HTTP\/1\.1 200 OK[^]*"id":"m"/);
});

describe('the health', () => {
  it('expects the rest of a stage to take as long as what was done of it', () => {
    const clock = vi.spyOn(performance, 'now').mockReturnValue(5000);
    onTestFinished(() => clock.mockRestore());
    const state = new ServerState();
    state.report({ stage: 'loading', fraction: 0 });
    clock.mockReturnValue(15_000);
    state.report({ stage: 'loading', fraction: 0.25 });
    expect(state.retryAfterS).toBe(30);
    state.report({ stage: 'loading', fraction: 0.01 });
    expect(state.retryAfterS).toBe(60);
    state.report({ stage: 'loading', fraction: 0.99 });
    expect(state.retryAfterS).toBe(1);
    state.ready();
    expect(state.retryAfterS).toBeUndefined();
  });

  it('is that of a server that ends, from then on', () => {
    const clock = vi.spyOn(performance, 'now').mockReturnValue(0);
    onTestFinished(() => clock.mockRestore());
    const state = new ServerState();
    state.ready();
    state.drain(4500);
    expect(state.health).toEqual({ status: 'draining' });
    expect(state.retryAfterS).toBe(5);
  });
});
