import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI, { AuthenticationError } from 'openai';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ApiKeys } from '../../src/server/api-keys.ts';
import { parseKeyFile } from '../../src/server/key-file.ts';
import { Gate } from '../support/gate.ts';
import { answerTo, chatBody, open, send } from './support/http.ts';
import { modelName, serve } from './support/serve.ts';

const settings = { apiKeys: ['secret-one', 'secret-two'] };

async function chat(url: string, headers: Readonly<Record<string, string>>) {
  return send(`${url}/v1/chat/completions`, { method: 'POST', headers, body: chatBody('hi') });
}

/** A file of keys that only this user may read. */
async function keyFile(text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'vserve-keys-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'keys');
  await writeFile(path, text, { mode: 0o600 });
  return path;
}

describe('a server with API keys', () => {
  it.each([
    ['a Bearer token', { authorization: 'Bearer secret-one' }],
    ['one of several', { authorization: 'bearer  secret-two' }],
    ['a bare token', { authorization: 'secret-one' }],
    ['x-api-key', { 'x-api-key': 'secret-two' }],
    ['x-api-key beside another token', { authorization: 'Bearer other', 'x-api-key': 'secret-two' }],
  ])('answers a request with %s', async (_, headers) => {
    expect((await chat((await serve({ settings })).url, headers)).status).toBe(200);
  });

  it.each([
    ['none', {}],
    ['an empty one', { authorization: 'Bearer ' }],
    ['a wrong one', { authorization: 'Bearer secret-on' }],
    ['a longer one', { 'x-api-key': 'secret-one ,secret-two' }],
    ['one as a password', { authorization: `Basic ${Buffer.from('secret-one:').toString('base64')}` }],
  ])('refuses a request with %s, and the model does nothing', async (_, headers) => {
    const server = await serve({ settings });
    const answer = await chat(server.url, headers);
    expect([answer.status, answer.headers['www-authenticate']]).toEqual([401, 'Bearer realm="vserve"']);
    expect(JSON.parse(answer.text)).toMatchObject({ error: { code: 'invalid_api_key', type: 'authentication_error' } });
    expect(server.generateRequests).toEqual([]);
    expect(`${answer.text}${server.log.join('')}`).not.toContain('secret');
  });

  it('refuses before it has read the body', async () => {
    const { url } = await serve({ settings });
    const request = open(`${url}/v1/chat/completions`, { method: 'POST', headers: { 'content-length': '1000000' } });
    request.on('error', () => undefined);
    expect((await answerTo(request)).statusCode).toBe(401);
    request.destroy();
  });

  it.each([
    ['GET', '/v1/models', 401],
    ['GET', '/version', 401],
    ['GET', '/nothing', 401],
    ['POST', '/reset_prefix_cache', 401],
    ['HEAD', '/v1/models', 401],
    ['GET', '/health', 200],
    ['HEAD', '/v1/health', 200],
    ['GET', '/v1/health/', 200],
    ['OPTIONS', '/v1/chat/completions', 204],
    ['GET', '/health/../v1/models', 401],
    ['GET', '//health/models', 401],
  ])('without a key, %s %s gets %i', async (method, path, status) => {
    const { url } = await serve({ settings });
    expect((await send(url, { method, path })).status).toBe(status);
  });

  it('has the official client raise its own error', async () => {
    const { url } = await serve({ settings });
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'wrong', maxRetries: 0 });
    await expect(client.models.list()).rejects.toBeInstanceOf(AuthenticationError);
  });

  it('asks for them at the metrics, too', async () => {
    const { metricsUrl = '' } = await serve({ settings, metricsPort: 0 });
    expect((await send(metricsUrl)).status).toBe(401);
    expect((await send(metricsUrl, { headers: { authorization: 'Bearer secret-one' } })).status).toBe(200);
  });
});

describe('a file of keys', () => {
  it('has a key in each line, with a name, a limit and what it may do', () => {
    const text =
      '\uFEFF# keys\n\nkey-a alice max-requests=4 # a comment\r\n  key#b   max-requests=1\nkey-c may-manage carol\n';
    expect(parseKeyFile(text, 'keys')).toEqual([
      { key: 'key-a', name: 'alice', maxRequests: 4, mayManage: false },
      { key: 'key#b', name: undefined, maxRequests: 1, mayManage: false },
      { key: 'key-c', name: 'carol', maxRequests: undefined, mayManage: true },
    ]);
  });

  it.each([
    ['a limit of 0', 'secret max-requests=0', /Line 1 .*max-requests=n/],
    ['two names', '\nsecret alice bob', /Line 2 .*a name/],
    ['the same key twice', 'secret a\nsecret b', /Line 2 .*twice/],
    ['the same name twice', 'secret a\nsecret2 a', /Line 2 .*this name/],
    ['other characters', 'sécret', /Line 1 .*ASCII/],
    ['no key', '# none\n', /has no key/],
  ])('cannot have %s, and the error tells no key', (_, text, message) => {
    const parse = () => parseKeyFile(text, 'keys');
    expect(parse).toThrow(message);
    expect(parse).not.toThrow(/secret/);
  });

  it('is read again on request, and the log names who asked, not the key', async () => {
    const apiKeyFile = await keyFile('secret-a alice\n');
    const server = await serve({ settings: { apiKeyFile } });
    expect((await chat(server.url, { 'x-api-key': 'secret-a' })).status).toBe(200);
    await writeFile(apiKeyFile, 'secret-b bob\n');
    await server.reload();
    expect((await chat(server.url, { 'x-api-key': 'secret-a' })).status).toBe(401);
    expect((await chat(server.url, { 'x-api-key': 'secret-b' })).status).toBe(200);
    await writeFile(apiKeyFile, '');
    await server.reload();
    expect((await chat(server.url, {})).status).toBe(401);
    expect((await chat(server.url, { 'x-api-key': 'secret-b' })).status).toBe(200);
    const log = server.log.join('\n');
    expect(log).toMatch(/POST \/v1\/chat\/completions 200 \S+ ms by alice \S+: prompt /);
    expect(log).toMatch(/info API keys were read again\.\n/);
    expect(log).toMatch(/warning API keys could not be read again and stay as they were: .* has no key/);
    expect(log).not.toContain('secret');
  });

  it.runIf(process.platform !== 'win32')('is warned about if others may read it', async () => {
    const apiKeyFile = await keyFile('a\n');
    await chmod(apiKeyFile, 0o644);
    const log: string[] = [];
    await ApiKeys.load({ apiKeys: [], apiKeyFile, maxRequestsPerKey: undefined }, (_level, text) => log.push(text));
    expect(log).toEqual([expect.stringContaining(`chmod 600 ${apiKeyFile}`)]);
  });

  it('that is missing ends the start', async () => {
    const loading = ApiKeys.load(
      { apiKeys: [], apiKeyFile: '/nowhere', maxRequestsPerKey: undefined },
      () => undefined,
    );
    await expect(loading).rejects.toMatchObject({ code: 'invalid_setting' });
  });
});

describe('the limit of a key', () => {
  it('refuses its requests beyond, and no others', async () => {
    const gate = new Gate();
    const apiKeyFile = await keyFile('few max-requests=1\nmany\n');
    const server = await serve({ settings: { apiKeyFile, maxRequestsPerKey: 2 }, beforeStart: () => gate.opened });
    const clientOf = (apiKey: string) => new OpenAI({ baseURL: `${server.url}/v1`, apiKey, maxRetries: 0 });
    const ask = (key: string) =>
      clientOf(key).chat.completions.create({ model: modelName, messages: [{ role: 'user', content: 'hi' }] });
    const begin = async (key: string, count: number) => {
      const answer = ask(key);
      while (server.generateRequests.length < count) await new Promise((resolve) => setImmediate(resolve));
      return { answer };
    };
    const running = [await begin('few', 1), await begin('many', 2), await begin('many', 3)];
    for (const [key, own] of [
      ['few', 1],
      ['many', 2],
    ] as const) {
      await expect(ask(key)).rejects.toMatchObject({
        status: 429,
        code: 'at_capacity',
        message: expect.stringContaining(`This API key has ${own} requests`) as string,
      });
    }
    gate.open();
    for (const { answer } of running) expect((await answer).choices).toHaveLength(1);
    expect((await ask('few')).choices).toHaveLength(1);
  });

  it('counts a request of many parts as one', async () => {
    const apiKeyFile = await keyFile('few max-requests=1\n');
    const server = await serve({ settings: { apiKeyFile }, maxBatchSize: 2 });
    const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'few', maxRetries: 0 });
    const prompts = ['a', 'b', 'c', 'd', 'e'];
    expect((await client.completions.create({ model: '', prompt: prompts })).choices).toHaveLength(5);
    expect((await client.embeddings.create({ model: '', input: prompts })).data).toHaveLength(5);
    expect((await client.completions.create({ model: '', prompt: prompts })).choices).toHaveLength(5);
  });

  it('holds for requests that generate nothing, too', async () => {
    const gate = new Gate();
    const apiKeyFile = await keyFile('few max-requests=1\n');
    const server = await serve({ settings: { apiKeyFile }, beforeStart: () => gate.opened });
    const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'few', maxRetries: 0 });
    const running = client.completions.create({ model: '', prompt: 'a' });
    while (server.generateRequests.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await expect(client.embeddings.create({ model: '', input: 'a' })).rejects.toMatchObject({ status: 429 });
    gate.open();
    await running;
    expect((await client.embeddings.create({ model: '', input: 'a' })).data).toHaveLength(1);
  });
});
