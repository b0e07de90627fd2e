import { once } from 'node:events';
import { request } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { LogLevel } from '../../src/backend/index.ts';
import { openServer } from '../../src/server/index.ts';
import { createEchoBackend } from '../../backends/echo/index.ts';
import { defaultLoadSettings } from '../../src/settings/index.ts';
import { Gate } from '../support/gate.ts';
import { pictureDataUri } from '../support/shapes.ts';
import { send } from './support/http.ts';
import { modelName, serve } from './support/serve.ts';
import { mediaSettings, serverSettings } from './support/settings.ts';
import { turnUntil } from './support/turn-until.ts';

const accessLines = (log: readonly string[]): string[] => log.filter((line) => line.includes('POST /v1/'));

function body(content: unknown, more: object = {}): string {
  return JSON.stringify({ model: modelName, messages: [{ role: 'user', content }], ...more });
}

function post(url: string, text: string) {
  return send(`${url}/v1/chat/completions`, {
    method: 'POST',
    body: text,
    headers: { 'content-type': 'application/json' },
  });
}

describe('the line about a request', () => {
  it('tells model, tokens, images and times', async () => {
    const server = await serve();
    const picture = { type: 'image_url', image_url: { url: pictureDataUri('031-0.png') } };
    await post(server.url, body([picture, { type: 'text', text: 'a b c' }]));
    const [line = ''] = accessLines(server.log);
    expect(line).toMatch(
      /^info \S+ POST \/v1\/chat\/completions 200 [\d.]+ ms google\/gemma-3-4b-it: prompt 4 tokens, 1 image, answer 4 tokens,( [\d.]+ tokens\/s,)? first after [\d.]+ ms, stop$/,
    );
  });

  it('comes when a streamed answer has ended, not when it begins', async () => {
    const half = new Gate();
    const server = await serve({ beforeDelta: (index) => (index === 2 ? half.opened : undefined) });
    const stream = await server.client.chat.completions.create({
      model: modelName,
      messages: [{ role: 'user', content: 'a b c' }],
      stream: true,
    });
    let text = '';
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      if (text !== 'a b ') continue;
      expect(accessLines(server.log)).toEqual([]);
      expect(server.report()).toMatch(
        /Sequences: 1 of 8 running[^]*Requests: 1\n {2}\S+ POST \/v1\/chat\/completions for [\d.]+ s google\/gemma-3-4b-it: prompt 3 tokens, answer 2 tokens/,
      );
      half.open();
    }
    await turnUntil(() => accessLines(server.log).length > 0);
    expect(accessLines(server.log)).toEqual([
      expect.stringMatching(/ 200 [\d.]+ ms \S+: prompt 3 tokens, answer 3 tokens/),
    ]);
    expect(server.report()).toMatch(/Requests: none/);
  });

  it('says that the client has left, and how far its answer was', async () => {
    const never = new Gate();
    const server = await serve({ beforeDelta: (index) => (index === 1 ? never.opened : undefined) });
    const call = request(`${server.url}/v1/chat/completions`, { method: 'POST' });
    call.on('error', () => undefined);
    call.end(body('a b c', { stream: true }));
    const [response] = (await once(call, 'response')) as [NodeJS.ReadableStream];
    await once(response, 'data');
    call.destroy();
    await turnUntil(() => accessLines(server.log).length > 0);
    expect(accessLines(server.log)).toEqual([expect.stringMatching(/answer 1 token, .*the client left$/)]);
  });

  it('has its facts apart, for logs that programs read', async () => {
    const model = await createEchoBackend().load({ modelPath: '', mmprojPath: undefined }, defaultLoadSettings, {
      onProgress: () => undefined,
      log: () => undefined,
      signal: new AbortController().signal,
    });
    const facts: unknown[] = [];
    const server = await openServer({
      hosts: ['127.0.0.1'],
      port: 0,
      metricsPort: undefined,
      version: '1.2.3',
      settings: serverSettings(),
      log: (_level: LogLevel, _message: string, fields?: object) => void facts.push(fields),
    });
    const running = server.serve({ model, servedModelName: modelName, media: mediaSettings() });
    try {
      await post(running.url, body('a b', { max_tokens: 1 }));
      await post(running.url, body('a b', { max_tokens: 'many' }));
      expect(facts).toEqual([
        expect.objectContaining({
          method: 'POST',
          path: '/v1/chat/completions',
          status: 200,
          ms: expect.any(Number),
          model: modelName,
          promptTokens: 2,
          cachedTokens: 0,
          completionTokens: 1,
          ttftMs: expect.any(Number),
          finishReasons: ['length'],
        }),
        expect.objectContaining({ status: 400, error: expect.stringMatching(/^invalid_request: max_tokens/) }),
      ]);
    } finally {
      await running.shutdown();
      await model.close();
    }
  });
});

describe('sampling defaults of the server', () => {
  it('stand where a request sets none, before those of the model', async () => {
    const asked: unknown[] = [];
    const loaded = await createEchoBackend({ info: { samplingDefaults: { temperature: 0.3, topP: 0.4 } } }).load(
      { modelPath: '', mmprojPath: undefined },
      defaultLoadSettings,
      { onProgress: () => undefined, log: () => undefined, signal: new AbortController().signal },
    );
    const generate = loaded.generate.bind(loaded);
    loaded.generate = (wanted, signal) => {
      asked.push([wanted.sampling.temperature, wanted.sampling.topP, wanted.sampling.topK]);
      return generate(wanted, signal);
    };
    const server = await openServer({
      hosts: ['127.0.0.1'],
      port: 0,
      metricsPort: undefined,
      version: '1.2.3',
      settings: serverSettings(),
      log: () => undefined,
    });
    const samplingDefaults = { temperature: 0.7, topK: 5 };
    const running = server.serve({
      model: loaded,
      servedModelName: modelName,
      media: mediaSettings(),
      samplingDefaults,
    });
    try {
      await post(running.url, body('a'));
      await post(running.url, body('a', { temperature: 0 }));
      expect(asked).toEqual([
        [0.7, 0.4, 5],
        [0, 0.4, 5],
      ]);
    } finally {
      await running.shutdown();
      await loaded.close();
    }
  });
});
