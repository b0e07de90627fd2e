import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { reportOf } from '../../src/cli/benchmark/report.ts';
import { summarize } from '../../src/cli/benchmark/statistics.ts';
import { modelName, serve } from '../server/support/serve.ts';
import { runVserve, temporaryFolder } from './run-vserve.ts';

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});

function benchmark(url: string, ...args: readonly string[]) {
  return runVserve(folder, ['benchmark', '--url', url, ...args], {}, { isReal: true });
}

const latency = { mean: expect.any(Number), std: expect.any(Number), p99: expect.any(Number) };

describe('a benchmark', () => {
  test('sends what it says, and reports each concurrency as text, JSON and SVG', async () => {
    const server = await serve();
    const args = [
      '--num-prompts',
      '6',
      '--max-concurrency',
      '1,3',
      '--random-input-len',
      '5',
      '--random-output-len',
      '4',
    ];
    args.push('--image-fraction', '1', '--image-count', '2', '--image-long-side', '40', '--image-aspect-ratio', '2');
    const vserve = benchmark(server.url, ...args, '--output-json', 'report.json', '--output-svg', 'report.svg');
    const { code, stdout } = await vserve.exit();
    expect(stdout.match(/^Successful requests +6$/gm)).toHaveLength(2);
    expect(stdout).toMatch(/^Milliseconds +mean +std +median +p90 +p95 +p99$/m);
    for (const title of ['Time to first token', 'Time per output token', 'Inter-token latency', 'End-to-end latency']) {
      expect(stdout).toMatch(new RegExp(`^${title}( +[\\d.]+){6}$`, 'm'));
    }
    expect(code).toBe(0);

    const report: unknown = JSON.parse(await readFile(join(folder, 'report.json'), 'utf8'));
    const run = { successful: 6, failed: 0, inputTokens: 6 * 7, outputTokens: 6 * 4, ttft: latency, itl: latency };
    expect(report).toMatchObject({
      model: modelName,
      settings: { numPrompts: 6, requestRate: 'inf' },
      runs: [
        { maxConcurrency: 1, ...run },
        { maxConcurrency: 3, ...run },
      ],
    });
    expect(await readFile(join(folder, 'report.svg'), 'utf8')).toMatch(/^<svg [^]*Output throughput[^]*<\/svg>\n$/);

    const requests = server.generateRequests;
    expect(requests).toHaveLength(12);
    const images = requests.flatMap(({ messages }) =>
      messages.flatMap(({ content }) => content.filter((part) => part.type === 'image')),
    );
    expect(images).toHaveLength(24);
    for (const { image } of images) expect([image.width, image.height]).toEqual([40, 20]);
    expect(new Set(images.map(({ image }) => image.id)).size).toBe(24);
  });

  test('never has more requests at a time than it may', async () => {
    let running = 0;
    let most = 0;
    const server = await serve({
      beforeStart: () => {
        running += 1;
        most = Math.max(most, running);
      },
      beforeDelta: (index) => {
        if (index === 1) running -= 1;
      },
    });
    const { code } = await benchmark(
      server.url,
      '--num-prompts',
      '9',
      '--max-concurrency',
      '2',
      '--random-output-len',
      '2',
    ).exit();
    expect(code).toBe(0);
    expect(most).toBeLessThanOrEqual(2);
  });

  test('takes questions from files', async () => {
    await writeFile(join(folder, 'prompts.txt'), 'first question\n\nsecond\n');
    const conversations = [
      { from: 'human', value: 'shared question' },
      { from: 'gpt', value: 'no' },
    ];
    await writeFile(join(folder, 'share.json'), JSON.stringify([{ conversations }]));
    const server = await serve();
    await benchmark(
      server.url,
      '--num-prompts',
      '3',
      '--dataset-name',
      'prompts',
      '--dataset-path',
      'prompts.txt',
    ).exit();
    const place = ['--host', '127.0.0.1', '--port', String(server.port), '--backend', 'modular'];
    const shared = ['--num-prompts', '1', '--dataset-name', 'sharegpt', '--dataset-path', 'share.json'];
    await runVserve(folder, ['benchmark', ...place, ...shared], {}, { isReal: true }).exit();
    const texts = server.generateRequests.map(({ messages }) => JSON.stringify(messages));
    expect(texts.filter((text) => text.includes('first question'))).toHaveLength(2);
    expect(texts.filter((text) => text.includes('second'))).toHaveLength(1);
    expect(texts.filter((text) => text.includes('shared question'))).toHaveLength(1);
  });

  test('whose requests all fail has failed, and says why', async () => {
    const server = await serve({
      beforeStart: () => {
        throw new Error('broken');
      },
    });
    const { code, stdout, stderr } = await benchmark(server.url, '--num-prompts', '2').exit();
    expect(stdout).toMatch(/^Failed requests +2$/m);
    expect(stderr).toMatch(/WARNING 2 failed: /);
    expect(stderr).toMatch(/Error: No request was answered\.\n$/);
    expect(code).toBe(1);
  });

  test.each([
    [['--dataset-name', 'prompts'], /--dataset-name prompts needs --dataset-path/],
    [['--max-concurrency', '0'], /--max-concurrency is \["0"\]|it must be whole numbers of at least 1/],
    [['--port', '1'], /Give --url, or --host and --port/],
    [['--num-chat-sessions', '1'], /--num-chat-sessions is not supported: each request is a conversation/],
    [['--request-rate', '0'], /--request-rate is "0": it must be a number above 0, or inf/],
  ])('%j is a mistake', async (args, message) => {
    const server = await serve();
    const { code, stderr } = await benchmark(server.url, ...args).exit();
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });
});

test('percentiles are those of numpy', () => {
  expect(summarize([4, 1, 3, 2])).toEqual({
    mean: 2.5,
    std: Math.sqrt(1.25),
    median: 2.5,
    p90: 3.7,
    p95: 3.85,
    p99: 3.97,
  });
  expect(summarize([])).toBeUndefined();
});

test('rates count what succeeded, and times per token leave the first token out', () => {
  const done = {
    sentMs: 0,
    latencyMs: 500,
    ttftMs: 100,
    itlMs: [200, 200],
    inputTokens: 10,
    outputTokens: 3,
    error: undefined,
  };
  const failed = { ...done, ttftMs: undefined, error: 'broken' };
  expect(reportOf({ maxConcurrency: undefined, durationMs: 2000, requests: [done, failed] })).toMatchObject({
    successful: 1,
    failed: 1,
    requestThroughput: 0.5,
    inputThroughput: 5,
    outputThroughput: 1.5,
    ttft: { median: 100 },
    tpot: { median: 200 },
    itl: { mean: 200 },
    latency: { p99: 500 },
  });
});
