import { expect, test } from 'vitest';
import { timeStream } from '../../../scripts/bench/sse.ts';

async function* pieces(...texts: string[]): AsyncGenerator<string, void, undefined> {
  for (const text of texts) yield text;
}

const chunk = (content: string | null): string => `data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`;

test('Each text is timed once, however the stream is cut, and the role and the end are not text', async () => {
  const stream = [
    chunk(null),
    chunk(''),
    chunk('Hel'),
    chunk('lo'),
    'data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":3}}}\r\n\r\n',
    'data: [DONE]\n\n',
  ].join('');
  for (const size of [1, 7, stream.length]) {
    let nowMs = 0;
    const cuts = stream.match(new RegExp(`[^]{1,${String(size)}}`, 'g')) ?? [];
    const timed = await timeStream(pieces(...cuts), undefined, () => ++nowMs);
    expect(timed).toEqual({ textAtMs: [1, 2], text: 'Hello', promptTokens: 5, cachedTokens: 3, completionTokens: 2 });
  }
});

test('An error inside the stream is thrown, not counted as its end', async () => {
  const broken = pieces(chunk('a'), 'data: {"choices":[],"error":{"message":"out of memory"}}\n\n');
  await expect(timeStream(broken)).rejects.toThrow('out of memory');
});
