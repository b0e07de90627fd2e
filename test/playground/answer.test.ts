import { describe, expect, it } from 'vitest';
import type { Answer } from '../../src/playground/requests/answer.ts';
import { ended, newAnswer, readAnswer, withChunk } from '../../src/playground/requests/answer.ts';
import { figuresOf, receiptOf, seenSize } from '../../src/playground/requests/figures.ts';
import { detailsAt, receiptsOf } from '../../src/playground/requests/receipts.ts';
import { DEFAULT_SETTINGS } from '../../src/playground/requests/settings.ts';
import { streamAnswer } from '../../src/playground/requests/stream-answer.ts';
import { Gate } from '../support/gate.ts';
import { send } from '../server/support/http.ts';
import { scriptedModel } from '../server/support/scripted-model.ts';
import { serve, serveModel } from '../server/support/serve.ts';
import { photo, scan } from './support.ts';

const begun = newAnswer(DEFAULT_SETTINGS);

interface Asked {
  readonly body: object;
  readonly signal?: AbortSignal;
  readonly onAnswer?: (answer: Answer) => void;
}

function ask(url: string, { body, signal = new AbortController().signal, onAnswer = () => undefined }: Asked) {
  return streamAnswer({
    url: `${url}/v1/chat/completions`,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ stream: true, stream_options: { include_usage: true }, ...body }),
    signal,
    answer: begun,
    onAnswer,
  });
}

const saying = (content: string) => ({ messages: [{ role: 'user', content }] });

describe('the answer of a server', () => {
  it('grows as it comes, and ends with its figures', async () => {
    const { url } = await serve();
    const texts: string[] = [];
    const answer = await ask(url, { body: saying('one two three'), onAnswer: ({ text }) => texts.push(text) });
    expect(answer).toMatchObject({ status: 'done', text: 'one two three', finishReason: 'stop' });
    expect(texts).toEqual(expect.arrayContaining(['one ', 'one two ', 'one two three']));
    const labels = figuresOf(answer).map(({ label }) => label);
    expect(labels).toEqual(expect.arrayContaining(['First token', 'Total', 'Prompt', 'Answer']));
    expect(figuresOf(answer)).toContainEqual({ label: 'Answer', value: '3 tokens' });
  });

  it('has its reasoning apart', async () => {
    const { url } = await serveModel(scriptedModel({ reasoning: 'Let me see.', text: 'A cat.' }));
    expect(await ask(url, { body: saying('What?') })).toMatchObject({ reasoning: 'Let me see.', text: 'A cat.' });
  });

  it('keeps what it had when it is stopped, and the server stops, too', async () => {
    const stopper = new AbortController();
    const gate = new Gate();
    const endedEarly = new Gate();
    const { url } = await serve({
      beforeDelta: (index) => (index === 1 ? gate.opened : undefined),
      onEndEarly: () => endedEarly.open(),
    });
    const answer = await ask(url, {
      body: saying('one two'),
      signal: stopper.signal,
      onAnswer: ({ text }) => {
        if (text === 'one ') stopper.abort();
      },
    });
    expect(answer).toMatchObject({ status: 'stopped', text: 'one ' });
    await endedEarly.opened;
  });

  it('that is a refusal says why', async () => {
    const { url } = await serve();
    const answer = await ask(url, { body: { ...saying('one'), temperature: 'hot' } });
    expect(answer).toMatchObject({ status: 'failed', error: expect.stringContaining('temperature') as string });
  });

  it('that fails in the middle says why, and keeps what came', async () => {
    const { url } = await serve({
      beforeDelta(index) {
        if (index === 1) throw new Error('defect');
      },
    });
    const answer = await ask(url, { body: saying('one two') });
    expect(answer).toMatchObject({ status: 'failed', text: 'one ', error: expect.any(String) as string });
  });

  it('that cannot be had says so', async () => {
    const { url, shutdown } = await serve();
    await shutdown();
    await expect(send(url)).rejects.toThrow();
    expect(await ask(url, { body: saying('one') })).toMatchObject({ status: 'failed' });
  });
});

it('an answer whose connection is lost is not taken for a whole one', () => {
  const half = withChunk(begun, { choices: [{ delta: { content: 'Half' } }] }, 5);
  expect(ended(half, 9)).toMatchObject({ status: 'failed', text: 'Half' });
});

it('progress on the prompt is a fraction', () => {
  const chunk = { choices: [{ delta: {} }], prompt_progress: { total: 200, processed: 50, cache: 0, time_ms: 1 } };
  expect(withChunk(begun, chunk, 1).promptProgress).toBe(0.25);
});

it('an answer that was running when the page was closed was stopped by that', () => {
  expect(readAnswer({ ...begun, status: 'streaming', text: 'Half' })).toMatchObject({
    status: 'stopped',
    text: 'Half',
  });
});

it('the speed is what the server measured, or else as it came', () => {
  const usage = { completion_tokens: 11, prompt_tokens: 5 };
  const came = { ...begun, usage, firstMs: 1000, totalMs: 2000 };
  expect(figuresOf(came)).toContainEqual({ label: 'Speed', value: '10.0 tokens/s' });
  expect(figuresOf({ ...came, timings: { predicted_per_second: 123.4 } })).toContainEqual({
    label: 'Speed',
    value: '123 tokens/s',
  });
});

it('a receipt shows whatever the server tells of a picture', () => {
  const cached = { decoded: true, encoded: true, computed: false };
  const sizes = { sent: { width: 640, height: 480 }, seen: { width: 320, height: 240 } };
  const details = { param: 'messages[0].content[0]', ...sizes, tokens: 256, cached, decode_ms: 1500 };
  expect(receiptOf(details)).toEqual([
    { label: 'Sent', value: '640 × 480' },
    { label: 'Seen', value: '320 × 240' },
    { label: 'Tokens', value: '256' },
    { label: 'Cached', value: 'decoded, encoded' },
    { label: 'Decode', value: '1.50 s' },
  ]);
  expect(seenSize(details)).toEqual({ width: 320, height: 240 });
});

const detailsFor = (message: number, part: number) => ({ param: `messages[${message}].content[${part}]` });

it('receipts are named by the attachments of the question, which come after those of earlier ones', () => {
  const details = [detailsFor(1, 0), detailsFor(3, 0), detailsFor(3, 0), detailsFor(3, 1)];
  expect(receiptsOf(details, [scan, photo]).map(({ name }) => name)).toEqual([
    'Of an earlier question',
    'scan.pdf',
    'scan.pdf',
    "cat's.png",
  ]);
  expect([detailsAt(details, 1), detailsAt(details, 2)]).toEqual([detailsFor(3, 1), undefined]);
});
