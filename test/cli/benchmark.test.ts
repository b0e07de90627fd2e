import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { drawn, seeded } from '../../src/cli/benchmark/random.ts';
import { reportOf } from '../../src/cli/benchmark/report.ts';
import { summarize } from '../../src/cli/benchmark/statistics.ts';
import { constantly, distribution } from '../../src/settings/distribution.ts';
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
      settings: { numPrompts: 6, requestRate: 'inf', randomInputLen: '5' },
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
    const server = await serve();
    const args = [
      '--num-prompts',
      '9',
      '--max-concurrency',
      '2',
      '--random-output-len',
      '2',
      '--output-json',
      'r.json',
    ];
    expect((await benchmark(server.url, ...args).exit()).code).toBe(0);
    const report = JSON.parse(await readFile(join(folder, 'r.json'), 'utf8')) as {
      runs: { requests: { sentMs: number; latencyMs: number }[] }[];
    };
    const requests = report.runs[0]?.requests ?? [];
    expect(requests).toHaveLength(9);
    const atATime = requests.map(
      ({ sentMs: ms }) => requests.filter((other) => other.sentMs <= ms && ms < other.sentMs + other.latencyMs).length,
    );
    expect(Math.max(...atATime)).toBeLessThanOrEqual(2);
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

  test('holds conversations: each turn has the answers before it, and what is left out is not in the report', async () => {
    const server = await serve();
    const args = ['--num-chat-sessions', '2', '--random-num-turns', '3', '--max-concurrent-conversations', '1'];
    args.push('--random-input-len', '8;2', '--random-output-len', '1', '--random-sys-prompt-ratio', '0.5');
    args.push('--ignore-first-turn-stats', '--burstiness', '4', '--request-rate', '500', '--chat-warmup-delay-ms', '1');
    const vserve = benchmark(server.url, ...args, '--metadata', 'place=here', '--output-json', 'chat.json');
    const { code, stdout, stderr } = await vserve.exit();
    expect(stderr).toMatch(/Wrote chat\.json\.\n$/);
    expect(stdout).toMatch(/^Conversations +2$/m);
    expect(stdout).toMatch(/^Requests left out +2$/m);
    expect(stdout).toMatch(/^Successful requests +4$/m);
    expect(code).toBe(0);
    const asked = server.generateRequests.map(({ messages }) =>
      messages.map(({ role, content }) => [role, JSON.stringify(content).split(' ').length]),
    );
    const first = [
      ['system', 4],
      ['user', 4],
    ];
    // The echo of a word ends in a space.
    const second = [...first, ['assistant', 2], ['user', 2]];
    const third = [...second, ['assistant', 2], ['user', 2]];
    expect(asked).toEqual([first, second, third, first, second, third]);
    const report: unknown = JSON.parse(await readFile(join(folder, 'chat.json'), 'utf8'));
    const turns = [0, 0, 0, 1, 1, 1].map((conversation, place) => ({ conversation, turn: place % 3 }));
    expect(report).toMatchObject({ metadata: { place: 'here' }, runs: [{ skipped: 2, requests: turns }] });
  });

  test('asks what people say in the conversations of a file, and shows the pictures of one', async () => {
    const conversations = [
      { from: 'human', value: 'one' },
      { from: 'gpt', value: 'no' },
      { from: 'human', value: 'two' },
    ];
    await writeFile(join(folder, 'share.json'), JSON.stringify([{ conversations }]));
    await copyFile(join(import.meta.dirname, '../fixtures/images/bilevel.png'), join(folder, 'a.png'));
    await writeFile(join(folder, 'images.jsonl'), '{"prompt": "what", "image_path": "a.png"}\n');
    const server = await serve();
    const chats = ['--num-chat-sessions', '1', '--dataset-name', 'sharegpt', '--dataset-path', 'share.json'];
    expect((await benchmark(server.url, ...chats).exit()).code).toBe(0);
    expect(server.generateRequests.map(({ messages }) => messages.length)).toEqual([1, 3]);
    const images = ['--num-prompts', '1', '--dataset-name', 'local-image', '--dataset-path', 'images.jsonl'];
    expect((await benchmark(server.url, ...images).exit()).code).toBe(0);
    const content = server.generateRequests.at(-1)?.messages[0]?.content ?? [];
    expect(content.map(({ type }) => type)).toEqual(['image', 'text']);
  });

  test('measures each rate with each concurrency', async () => {
    const server = await serve();
    const args = [
      '--num-prompts',
      '2',
      '--request-rate',
      '200,inf',
      '--max-concurrency',
      '1,2',
      '--output-json',
      'r.json',
    ];
    const { stdout } = await benchmark(server.url, ...args, '--random-output-len', '1').exit();
    expect(stdout.match(/^Request rate +200 a second$/gm)).toHaveLength(2);
    const { runs } = JSON.parse(await readFile(join(folder, 'r.json'), 'utf8')) as { runs: object[] };
    expect(runs).toMatchObject([
      { requestRate: 200, maxConcurrency: 1 },
      { requestRate: 200 },
      { maxConcurrency: 1 },
      {},
    ]);
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
    [['--lora', 'x'], /--lora is not supported: merge the adapter/],
    [['--randomize-starting-turn'], /--randomize-starting-turn is not supported: conversations begin at their first/],
    [['--request-rate', '0'], /--request-rate is \["0"\]: it must be numbers above 0, or inf/],
    [
      ['--random-input-len', 'N(5)'],
      /--random-input-len is "N\(5\)": it must be a number of at least 1, or N\(mean,std\)/,
    ],
    [['--random-image-size', '5'], /it must be a width and a height in pixels/],
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
    conversation: 0,
    turn: 0,
    sentMs: 0,
    latencyMs: 500,
    ttftMs: 100,
    itlMs: [200, 200],
    inputTokens: 10,
    cachedTokens: 4,
    outputTokens: 3,
    error: undefined,
  };
  const failed = { ...done, ttftMs: undefined, error: 'broken' };
  expect(
    reportOf({ maxConcurrency: undefined, requestRate: Infinity, durationMs: 2000, requests: [done, failed] }),
  ).toMatchObject({
    successful: 1,
    failed: 1,
    cachedTokens: 4,
    requestThroughput: 0.5,
    inputThroughput: 5,
    outputThroughput: 1.5,
    ttft: { median: 100 },
    tpot: { median: 200 },
    itl: { mean: 200 },
    latency: { p99: 500 },
  });
});

test('requests at the ends are left out with their time', () => {
  const request = { conversation: 0, turn: 0, latencyMs: 100, ttftMs: 50, itlMs: [], error: undefined };
  const tokens = { inputTokens: 1, cachedTokens: undefined, outputTokens: 1 };
  const requests = [300, 0, 200, 100].map((sentMs) => ({ ...request, ...tokens, sentMs }));
  const run = { maxConcurrency: undefined, requestRate: Infinity, durationMs: 400, requests };
  const counted = { skipFirst: 1, skipLast: 1, ignoreFirstTurns: false };
  expect(reportOf(run, counted)).toMatchObject({ successful: 2, skipped: 2, durationS: 0.2, requestThroughput: 10 });
});

describe('a distribution', () => {
  test.each([
    ['512', 512, 0],
    ['N(100,10)', 100, 10],
    ['U(50,150)', 100, 100 / Math.sqrt(12)],
    ['DU(1,9)', 5, Math.sqrt(80 / 12)],
    ['NB(10,0.5)', 10, Math.sqrt(20)],
    ['G(4,25)', 100, 50],
    ['G(0.5,100)', 50, 100 * Math.sqrt(0.5)],
    ['LN(100,20)', 100, 20],
  ])('%s has its mean and deviation', (text, mean, std) => {
    const random = seeded(7);
    const { first } = distribution(0).accept(text)?.value ?? constantly(NaN);
    const drawings = summarize(Array.from({ length: 20_000 }, () => drawn(first, random)));
    expect(drawings?.mean).toBeCloseTo(mean, -Math.log10(Math.max(0.02 * mean, 1e-9)));
    expect(drawings?.std).toBeCloseTo(std, -Math.log10(Math.max(0.06 * std, 1e-9)));
  });

  test.each(['', 'x', 'N(1)', 'N(1,-1)', 'U(5,1)', 'NB(1,0)', '1;2;3', '1;', '-1'])('is not "%s"', (text) => {
    expect(distribution(0).accept(text)).toBeUndefined();
  });

  test('can be another for the first turn', () => {
    const { first, later } = distribution(1).accept('N(9,1);3')?.value ?? constantly(NaN);
    expect([first.name, later]).toEqual(['N', { name: 'constant', parameters: [3, 0] }]);
  });
});
