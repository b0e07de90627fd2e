import { RateLimitError } from 'openai';
import { expect, it } from 'vitest';
import { Gate } from '../support/gate.ts';
import { modelName, serve } from './support/serve.ts';

const messages = [{ role: 'user' as const, content: 'one two three' }];

it.each([false, true])(
  'a request past the batch and the queue gets 429, and its place is not lost (stream: %s)',
  async (stream) => {
    const gate = new Gate();
    const started = [new Gate(), new Gate()];
    let running = 0;
    const server = await serve({
      maxBatchSize: 2,
      settings: { maxQueueSize: 0 },
      beforeStart: () => {
        started[running++]?.open();
        return gate.opened;
      },
    });
    const create = () => server.client.chat.completions.create({ model: modelName, messages });
    const first = create();
    const second = create();
    await Promise.all(started.map(({ opened }) => opened));
    const third = server.client.chat.completions.create({ model: modelName, messages, stream });
    const error: unknown = await third.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RateLimitError);
    expect(error).toMatchObject({ code: 'at_capacity', message: expect.stringContaining('at capacity') as unknown });
    expect((error as RateLimitError).headers.get('retry-after')).toBe('1');

    gate.open();
    expect((await first).choices[0]?.message.content).toBe('one two three');
    await second;
    expect((await create()).choices[0]?.message.content).toBe('one two three');
  },
);

it('without a limit, requests wait', async () => {
  const server = await serve({ maxBatchSize: 1 });
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => server.client.chat.completions.create({ model: modelName, messages })),
  );
  expect(answers).toHaveLength(20);
});
