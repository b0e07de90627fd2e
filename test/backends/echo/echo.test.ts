import { describe, expect, it } from 'vitest';
import echo, { createEchoBackend } from '../../../backends/echo/index.ts';
import type { EchoHooks } from '../../../backends/echo/index.ts';
import type { GenerateRequest, GenerationEvent, LoadedModel } from '../../../src/backend/index.ts';
import { greedyRequest } from '../../engine/greedy.ts';
import { Gate } from '../../support/gate.ts';
import { defaultLoadSettings } from '../../../src/settings/index.ts';

const never = new AbortController().signal;

function load(
  hooks: EchoHooks = {},
  settings: { maxLength?: number; maxBatchSize?: number } = {},
): Promise<LoadedModel> {
  return createEchoBackend(hooks).load(
    { modelPath: '/nowhere', mmprojPath: undefined },
    { ...defaultLoadSettings, ...settings },
    { onProgress: () => {}, log: () => {}, signal: never },
  );
}

function request(text: string, changes: Partial<GenerateRequest> = {}): GenerateRequest {
  return {
    messages: [{ role: 'user', content: [{ type: 'text', text }] }],
    ...greedyRequest,
    maxTokens: undefined,
    ...changes,
  };
}

async function run(model: LoadedModel, asked: GenerateRequest, signal = never) {
  const events: GenerationEvent[] = [];
  for await (const event of model.generate(asked, signal)) events.push(event);
  const text = events.map((event) => (event.type === 'text-delta' ? event.text : '')).join('');
  const last = events.at(-1);
  if (last?.type !== 'finish') throw new Error('The generation did not finish.');
  return { types: events.map(({ type }) => type), text, reason: last.reason, usage: last.usage };
}

describe('the echo backend', () => {
  it('says the last user message a word at a time, with the size of each picture', async () => {
    const picture = { width: 4, height: 2, rgb: new Uint8Array(24), id: '0' };
    const { types, text, usage } = await run(
      await load(),
      request('', {
        messages: [
          { role: 'user', content: [{ type: 'text', text: 'first' }] },
          {
            role: 'user',
            content: [
              { type: 'image', image: picture },
              { type: 'text', text: 'two words' },
            ],
          },
        ],
      }),
    );
    expect(text).toBe('[image 4x2] two words');
    expect(types).toEqual(['start', 'text-delta', 'text-delta', 'text-delta', 'finish']);
    expect(usage).toEqual({ promptTokens: 4, cachedTokens: 0, completionTokens: 3 });
  });

  it('ends at maxTokens with length, and at the end with stop', async () => {
    const model = await load();
    expect(await run(model, request('a b c', { maxTokens: 2 }))).toMatchObject({ text: 'a b ', reason: 'length' });
    expect(await run(model, request('a b c', { maxTokens: 3 }))).toMatchObject({ text: 'a b c', reason: 'stop' });
  });

  it('ends before a stop string, also one across tokens', async () => {
    const model = await load();
    const result = await run(model, request('one two three', { stop: ['zzz', 'e two t'] }));
    expect(result).toMatchObject({ text: 'on', reason: 'stop', usage: { completionTokens: 3 } });
  });

  it('goes on past its end with ignoreEos', async () => {
    const result = await run(await load(), request('a b', { ignoreEos: true, maxTokens: 5 }));
    expect(result).toMatchObject({ text: 'a ba ba ', reason: 'length' });
  });

  it('refuses a prompt that leaves no room', async () => {
    const model = await load({}, { maxLength: 3 });
    await expect(run(model, request('a b c'))).rejects.toMatchObject({
      code: 'context_length_exceeded',
      message: expect.stringContaining("This model's maximum context length is 3 tokens") as string,
    });
  });

  it('throws the reason of an abort while it is held, and tells of it', async () => {
    const ends: unknown[] = [];
    const controller = new AbortController();
    const model = await load({
      beforeDelta: (index) => (index === 1 ? new Promise<void>(() => controller.abort('enough')) : undefined),
      onEndEarly: (reason) => ends.push(reason),
    });
    await expect(run(model, request('a b c'), controller.signal)).rejects.toBe('enough');
    expect(ends).toEqual(['enough']);
    expect(model.stats()).toEqual({ sequencesRunning: 0, sequencesQueued: 0 });
  });

  it('lets maxBatchSize generations in; one that waits can give up', async () => {
    const gate = new Gate();
    const model = await load({ beforeStart: () => gate.opened }, { maxBatchSize: 1 });
    const first = run(model, request('a'));
    const giveUp = new AbortController();
    const second = run(model, request('b'), giveUp.signal);
    const third = run(model, request('c'));
    expect(model.stats()).toEqual({ sequencesRunning: 1, sequencesQueued: 2 });
    giveUp.abort('gone');
    await expect(second).rejects.toBe('gone');
    gate.open();
    expect([(await first).text, (await third).text]).toEqual(['a', 'c']);
    expect(model.stats()).toEqual({ sequencesRunning: 0, sequencesQueued: 0 });
  });

  it('ends what runs when it is closed', async () => {
    const model = await load({ beforeStart: () => new Promise(() => {}) });
    const running = run(model, request('a'));
    await model.close();
    await expect(running).rejects.toMatchObject({ code: 'model_closed' });
  });

  it('is the default export', () => {
    expect(echo.name).toBe('echo');
  });
});
