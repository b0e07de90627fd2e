import { expect, it } from 'vitest';
import { Gate } from '../support/gate.ts';
import { answerTo, openChat, send } from './support/http.ts';
import { serve } from './support/serve.ts';

const word = 'x'.repeat(10_000);
/** 200 MB, which no socket buffer holds. */
const tokens = 20_000;

it('a client that does not read holds its generation back', async () => {
  let deltas = 0;
  const ended = new Gate();
  const server = await serve({
    maxLength: 2 * tokens,
    beforeDelta() {
      deltas += 1;
    },
    onEndEarly: () => ended.open(),
  });
  const request = openChat(server.url, word, { stream: true, ignore_eos: true, max_tokens: tokens });
  const response = await answerTo(request);
  response.pause();

  // The generation has come to rest when other requests are answered and it has not moved between them.
  let rested = 0;
  for (let before = -1; rested < 20; before = deltas) {
    await send(`${server.url}/health`);
    rested = deltas === before ? rested + 1 : 0;
  }
  expect(deltas).toBeGreaterThan(0);
  expect(deltas).toBeLessThan(tokens / 4);

  const atRest = deltas;
  for await (const chunk of response.iterator({ destroyOnReturn: false })) {
    if ((chunk as Buffer).length > 0 && deltas > atRest + 100) break;
  }
  request.destroy();
  await ended.opened;
  expect(deltas).toBeLessThan(tokens);
});
