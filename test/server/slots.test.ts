import { describe, expect, it } from 'vitest';
import { Slots } from '../../src/server/slots.ts';
import { Gate } from '../support/gate.ts';
import { answerTo, openChat, send } from './support/http.ts';
import { serve } from './support/serve.ts';
import { turnUntil } from './support/turn-until.ts';

interface Slot {
  readonly id: number;
  readonly is_processing: boolean;
  readonly n_prompt_tokens?: number;
  readonly next_token: readonly { readonly n_decoded: number }[];
}

const on = { settings: { slots: true } };

async function slotsOf(url: string): Promise<Slot[]> {
  return JSON.parse((await send(`${url}/slots`)).text) as Slot[];
}

describe('slots', () => {
  it('are told only if asked for, and the way to ask is', async () => {
    const { url } = await serve();
    const { status, text } = await send(`${url}/slots`);
    expect([status, text]).toEqual([404, expect.stringContaining('--slots')]);
    expect(JSON.parse((await send(`${url}/props`)).text)).toMatchObject({ endpoint_slots: false, total_slots: 8 });
  });

  it('show what runs, how far it is, and nothing of its text', async () => {
    const held = new Gate();
    const reached = new Gate();
    const server = await serve({
      ...on,
      maxBatchSize: 2,
      beforeDelta: (index) => {
        if (index !== 2) return undefined;
        reached.open();
        return held.opened;
      },
    });
    expect((await slotsOf(server.url)).map((slot) => slot.is_processing)).toEqual([false, false]);
    const request = openChat(server.url, 'one secret three', { stream: true, max_tokens: 9 });
    await answerTo(request);
    await reached.opened;
    const { text } = await send(`${server.url}/slots`);
    const slots = JSON.parse(text) as Slot[];
    expect(slots).toMatchObject([
      { id: 0, is_processing: true, n_prompt_tokens: 3, next_token: [{ n_decoded: 2, n_remain: 7 }] },
      { id: 1, is_processing: false },
    ]);
    expect(text).not.toContain('secret');
    held.open();
    await turnUntil(() => server.requestsInFlight() === 0);
    expect((await slotsOf(server.url)).map((slot) => slot.is_processing)).toEqual([false, false]);
  });

  it('are free after a failure, and can be asked to have one free', async () => {
    const held = new Gate();
    let requests = 0;
    const server = await serve({
      ...on,
      maxBatchSize: 1,
      beforeStart: () => {
        requests += 1;
      },
      beforeDelta: () => {
        if (requests === 1) throw new Error('Broken.');
        return held.opened;
      },
    });
    await answerTo(openChat(server.url, 'fails'));
    expect((await slotsOf(server.url))[0]?.is_processing).toBe(false);
    await answerTo(openChat(server.url, 'one', { stream: true }));
    const busy = await send(`${server.url}/slots?fail_on_no_slot=1`);
    expect([busy.status, busy.headers['retry-after']]).toEqual([429, '1']);
    held.open();
    await turnUntil(() => server.requestsInFlight() === 0);
    expect((await send(`${server.url}/slots?fail_on_no_slot=1`)).status).toBe(200);
  });

  it('go to requests that were prepared ahead when they are free', () => {
    const slots = new Slots(1);
    const [first, second, third] = [slots.begin(5), slots.begin(undefined), slots.begin(undefined)];
    for (const user of [first, second, third]) user.see({ type: 'start', promptTokens: 3 });
    expect(slots.places).toMatchObject([{ number: 0 }]);
    first.see({ type: 'prefilled', cachedTokens: 2, queueMs: 0, prefillMs: 0 });
    expect(slots.places).toMatchObject([{ cachedTokens: 2, isPrefilled: true, completionTokens: 0 }]);
    second.end();
    first.end();
    first.end();
    expect(slots.places).toMatchObject([{ number: 2, promptTokens: 3, isPrefilled: false }]);
    third.end();
    expect(slots.places).toEqual([undefined]);
  });
});
