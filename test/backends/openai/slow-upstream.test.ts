import { expect, it } from 'vitest';
import { upstreamPolicies } from '../../../src/backend/index.ts';
import { chatBody, send } from '../../server/support/http.ts';
import { Gate } from '../../support/gate.ts';
import { fakeUpstream, say } from './support/fake-upstream.ts';
import { serveUpstreams } from './support/serve-upstreams.ts';

const capacity = 4;
const requests = 60;

it.each(upstreamPolicies)(
  '%s: beside a server that takes for ever, the others have all other requests',
  async (policy) => {
    const mayGoOn = new Gate();
    const texts: string[] = [];
    /** Once all requests but the slow one's are answered: its answers come last. */
    const openInTheEnd = (ofSlow: number): void => {
      if (texts.length + ofSlow === requests) mayGoOn.open();
    };
    const slow = await fakeUpstream(async (response) => {
      openInTheEnd(slow.bodies.length);
      await mayGoOn.opened;
      say(response, 'slow');
    });
    const others = await Promise.all([0, 1].map(() => fakeUpstream((response) => say(response, 'fast'))));
    const edge = await serveUpstreams(
      [slow, ...others].map(({ url }) => url),
      {
        load: { maxBatchSize: capacity, upstreamPolicy: policy },
      },
    );
    const queued: number[] = [];
    let asked = 0;
    // As many as the slow one can have, and as many more: there is a free place for each.
    const clients = Array.from({ length: 2 * capacity }, async () => {
      while (asked < requests) {
        asked += 1;
        const body = chatBody(`conversation ${String(asked)}`, { stream: true });
        const { text } = await send(`${edge.url}/v1/chat/completions`, { method: 'POST', body });
        texts.push(text);
        queued.push(edge.model.stats().sequencesQueued);
        openInTheEnd(slow.bodies.length);
      }
    });
    await Promise.all(clients);
    const order = texts.map((text) => (text.includes('"slow"') ? 'slow' : 'fast'));
    expect(slow.bodies.length).toBeLessThanOrEqual(capacity);
    expect(order).toEqual([
      ...Array.from({ length: requests - slow.bodies.length }, () => 'fast'),
      ...slow.bodies.map(() => 'slow'),
    ]);
    expect(Math.max(...queued)).toBe(0);
    expect(texts.every((text) => text.includes('[DONE]'))).toBe(true);
  },
);
