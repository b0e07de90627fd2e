import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { convertFamily, type ConvertedFamily } from '../engine/storm/families.ts';
import { turnUntil } from '../server/support/turn-until.ts';
import { pictureDataUri } from '../support/shapes.ts';
import { startVserve, type VserveProcess } from '../support/vserve-process.ts';

let folder: string;
/** Has llama_decode fail as a file says. */
let library: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vserve-failures-'));
  library = join(folder, 'failing-decode.so');
  if (process.platform !== 'linux') return;
  const source = join(import.meta.dirname, 'failing-decode.cpp');
  execFileSync(process.env['CXX'] ?? 'c++', ['-std=c++17', '-shared', '-fPIC', source, '-ldl', '-o', library]);
});
afterAll(() => rm(folder, { recursive: true }));

const start = (
  modelPath: string,
  environment: Readonly<Record<string, string>> = {},
  options: readonly string[] = [],
): Promise<VserveProcess> =>
  startVserve(['--model', modelPath, '--served-model-name', 'shapes', '--threads', '1', ...options], {
    VSERVE_HOME: join(folder, 'home'),
    ...environment,
  });

/** What comes of questions that are asked at the same time. */
async function answersTo(server: VserveProcess, contents: readonly string[], maxTokens: number): Promise<unknown[]> {
  const responses = await Promise.all(contents.map((content) => ask(server, content, maxTokens)));
  const bodies = (await Promise.all(responses.map((response) => response.json()))) as { choices?: unknown }[];
  return bodies.map((body) => body.choices ?? body);
}

function ask({ url }: VserveProcess, content: string, maxTokens = 3): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'shapes',
      messages: [{ role: 'user', content }],
      max_tokens: maxTokens,
      temperature: 0,
    }),
  });
}

interface ContinuationOptions {
  readonly maxTokens: number;
  readonly cacheSalt?: string;
  readonly signal?: AbortSignal;
}

/** The log probabilities of the tokens that follow a text, and how much of the text was cached. */
async function continuationOf(
  prompt: string,
  { url }: VserveProcess,
  { maxTokens, cacheSalt, signal }: ContinuationOptions,
): Promise<{ logProbs: readonly number[]; cachedTokens: number }> {
  const settings = { max_tokens: maxTokens, cache_salt: cacheSalt, temperature: 0, ignore_eos: true, logprobs: 1 };
  const response = await fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt, ...settings }),
    ...(signal !== undefined && { signal }),
  });
  const { choices, usage } = (await response.json()) as {
    readonly choices: readonly [{ readonly logprobs: { readonly token_logprobs: readonly number[] } }];
    readonly usage: { readonly prompt_tokens_details: { readonly cached_tokens: number } };
  };
  return { logProbs: choices[0].logprobs.token_logprobs, cachedTokens: usage.prompt_tokens_details.cached_tokens };
}

/** What is said of a picture that is decoded in several pieces. */
async function answerToPicture({ url }: VserveProcess, cacheSalt: string): Promise<unknown> {
  const content = [
    { type: 'image_url', image_url: { url: pictureDataUri('031-0.png') } },
    { type: 'text', text: 'what is in the picture' },
  ];
  const settings = { max_tokens: 12, cache_salt: cacheSalt, temperature: 0, ignore_eos: true };
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ messages: [{ role: 'user', content }], ...settings }),
  });
  const body = (await response.json()) as { readonly choices?: unknown };
  return body.choices ?? body;
}

describe.skipIf(process.platform !== 'linux')('while llama.cpp fails to decode', () => {
  let failure: string;
  let server: VserveProcess;
  beforeAll(async () => {
    failure = join(folder, 'failure');
    server = await start(inject('shapesModelPath'), { LD_PRELOAD: library, FAILING_DECODE: failure });
  });
  afterAll(async () => {
    expect(await server.stop()).toBe(0);
  });

  // Learnt by heart: a token of it is never a close call, whatever else is in the batch.
  const questions = ['Tell me a story.', 'Tell me a story!', 'Please tell me a story.', 'Tell me a long story.'];
  const answersOf = (contents: readonly string[]): Promise<unknown[]> => answersTo(server, contents, 40);

  test('what it throws ends the request, not the server', async () => {
    const before = await answersOf(['Hello']);
    await writeFile(failure, 'throw');
    for (const error of await answersOf(['Hello', 'Who are you?'])) {
      expect(error).toMatchObject({
        error: { code: 'generation_failed', message: expect.stringContaining('no memory for the batch') as unknown },
      });
    }
    await rm(failure);
    expect(await answersOf(['Hello'])).toEqual(before);
  });

  test.each([
    ['has no room for more than four tokens', '1 tokens 4'],
    ['has no room for more than one sequence', '1 sequences 1'],
    ['cannot compute two sequences together', '-3 sequences 1'],
  ])('every request is answered as ever where it %s', async (_, rule) => {
    const before = await answersOf(questions);
    await writeFile(failure, rule);
    expect(await answersOf(questions)).toEqual(before);
    await rm(failure);
  });

  test('only the request fails that it cannot compute alone', async () => {
    const [before] = await answersOf(['Tell me a story.']);
    await writeFile(failure, '-3 position 200');
    const [story, tooLong] = await answersOf(['Tell me a story.', 'word '.repeat(250)]);
    await rm(failure);
    expect(story).toEqual(before);
    expect(tooLong).toMatchObject({ error: { code: 'generation_failed' } });
  });
});

describe.skipIf(process.platform !== 'linux')(
  'while llama.cpp fails to decode with a model that cannot go back',
  () => {
    let failure: string;
    let server: VserveProcess;
    let family: ConvertedFamily;
    const startServer = (): Promise<VserveProcess> => {
      const { modelPath, mmprojPath = '' } = family.files;
      const numbers = ['--kv-cache-format', 'f32', '--flash-attn', 'off', '--max-batch-input-tokens', '16'];
      const environment = { LD_PRELOAD: library, FAILING_DECODE: failure };
      return start(modelPath, environment, ['--mmproj', mmprojPath, ...numbers, '--max-batch-size', '4']);
    };
    beforeAll(async () => {
      family = await convertFamily('lfm2-vl-tiny');
      failure = join(folder, 'late-failure');
      server = await startServer();
    });
    afterAll(async () => {
      expect(await server.stop()).toBe(0);
    });

    afterAll(() => family.remove());

    const questions = ['red blue', 'What is in the picture?', 'one two big small', 'star square circle'];
    const answersOf = (contents: readonly string[]): Promise<unknown[]> => answersTo(server, contents, 12);

    test.each([
      ['two sequences together', '-3 sequences 1 late'],
      ['two sequences together, and has only begun to', '-3 sequences 1 begun'],
      ['two sequences together, and calls that no room', '1 sequences 1 late'],
      ['two sequences together, and calls that given up', '2 sequences 1 late'],
      ['more than four tokens, for want of memory', '-2 tokens 4 late'],
    ])('every request is answered as ever where it cannot compute %s', async (_, rule) => {
      const before = await answersOf(questions);
      await writeFile(failure, rule);
      expect(await answersOf(questions)).toEqual(before);
      await rm(failure);
    });

    /** Waits for the server to wait, and has it go on with another rule. */
    const goOnWith = async (rule: string): Promise<void> => {
      await turnUntil(() => existsSync(`${failure}.waiting`));
      await writeFile(failure, rule);
      await rm(`${failure}.waiting`);
    };

    describe('a conversation whose state lies between those of a batch', () => {
      const [first, between, last] = ['red blue green star', 'what is in', 'one two big small '.repeat(20)] as const;
      // To be side by side, the first changes places with an empty slot. Its state stays in front of the others.
      const pair = [`${first} square`, `${last} circle`];
      let fresh: VserveProcess;
      beforeEach(async () => {
        fresh = await startServer();
        // Nothing is computed of the one token that is asked for: a state is that of its prompt.
        for (const prompt of [first, between, last]) await continuationOf(prompt, fresh, { maxTokens: 1 });
      });
      afterEach(async () => {
        expect(await fresh.stop()).toBe(0);
      });

      /** Has each answer begin again where both would be computed together. */
      const completePair = async (): Promise<void> => {
        await writeFile(failure, '-3 neighbours 1 begun');
        await Promise.all(pair.map((prompt) => continuationOf(prompt, fresh, { maxTokens: 64 })));
        await rm(failure);
      };

      const cancelled = (): number => fresh.stderr().split('request_cancelled').length;

      /** Has clients leave while a batch of more than so many neighbours or tokens is about to be computed. */
      const leaveFrom = async (rule: string, prompts: readonly string[]): Promise<void> => {
        const before = cancelled();
        await writeFile(failure, `wait ${rule}`);
        const controller = new AbortController();
        const { signal } = controller;
        const answers = Promise.allSettled(
          prompts.map((prompt) => continuationOf(prompt, fresh, { maxTokens: 64, signal })),
        );
        await turnUntil(() => existsSync(`${failure}.waiting`));
        controller.abort();
        for (const { status } of await answers) expect(status).toBe('rejected');
        await turnUntil(() => cancelled() === before + prompts.length);
        await rm(failure);
        await rm(`${failure}.waiting`);
      };

      /** Compares what follows with what follows in another slot. Returns how many tokens of the texts were cached. */
      const expectToBeTrue = async (...prompts: string[]): Promise<number> => {
        const own = [];
        const others = [];
        for (const prompt of prompts) own.push(await continuationOf(prompt, fresh, { maxTokens: 8 }));
        for (const prompt of prompts) {
          others.push(await continuationOf(prompt, fresh, { maxTokens: 8, cacheSalt: 'another' }));
        }
        expect(own.map(({ logProbs }) => logProbs)).toEqual(
          others.map(({ logProbs }) => logProbs.map((logProb) => expect.closeTo(logProb, 3) as unknown)),
        );
        return own.reduce((sum, { cachedTokens }) => sum + cachedTokens, 0);
      };

      const next = `${between} the picture`;

      test('begins again in the middle of a picture when the batch cannot be computed', async () => {
        const before = await answerToPicture(fresh, 'before');
        await writeFile(failure, 'wait sequences 1');
        const streams = pair.map((prompt) => continuationOf(prompt, fresh, { maxTokens: 400 }));
        await goOnWith('wait rows 0');
        const answer = answerToPicture(fresh, 'after');
        await goOnWith('-3 sequences 1 begun once');
        expect(await answer).toEqual(before);
        await Promise.all(streams);
        expect(existsSync(failure)).toBe(false);
      });

      test('goes on from there when the batch cannot be computed', async () => {
        await completePair();
        await expectToBeTrue(next);
      });

      test('leaves nothing behind for others when it is gone and the batch cannot be computed', async () => {
        await leaveFrom('tokens 1', [next]);
        await completePair();
        await expectToBeTrue('left right', 'circle one', 'square two');
      });

      test('goes on from there, and is not computed again, when the batch is cancelled', async () => {
        await leaveFrom('neighbours 1', pair);
        expect(await expectToBeTrue(next)).toBeGreaterThan(0);
      });
    });

    test('a request that is the only one begins again without another', async () => {
      const question = ['left right top one two big small what is in the picture'];
      const before = await answersOf(question);
      await writeFile(failure, '-2 tokens 4 late');
      expect(await answersOf([`${question[0] ?? ''}?`])).toMatchObject([[{ finish_reason: 'length' }]]);
      await rm(failure);
      expect(await answersOf(question)).toEqual(before);
    });

    test('only the request fails that it cannot compute alone', async () => {
      const before = await answersOf(questions);
      await writeFile(failure, '-3 position 100 late');
      const [failed, ...others] = await answersOf(['word '.repeat(100), ...questions]);
      await rm(failure);
      expect(others).toEqual(before);
      expect(failed).toMatchObject({ error: { code: 'generation_failed' } });
    });
  },
);

test.skipIf(process.platform === 'win32')('a model file that is cut short is named as the process ends', async () => {
  const modelPath = join(folder, 'model.gguf');
  await copyFile(inject('shapesModelPath'), modelPath);
  const server = await start(modelPath);
  await truncate(modelPath, 1000);
  await expect(ask(server, 'Hello')).rejects.toThrow();
  expect(await server.stop('SIGCONT')).toBe('SIGBUS');
  expect(server.stderr()).toMatch(/SIGBUS.*model\.gguf \(\d+ bytes when it was loaded, 1000 now\)/);
});

test('a model file that is too short for its header is refused by name', async () => {
  const modelPath = join(folder, 'short.gguf');
  await copyFile(inject('shapesModelPath'), modelPath);
  await truncate(modelPath, 2_000_000);
  await expect(start(modelPath)).rejects.toThrow(/short\.gguf could not be loaded[^]*not within the file bounds/);
});

test.skipIf(process.platform !== 'linux')(
  'a second signal ends the process at once, in the middle of an answer',
  async () => {
    const failure = join(folder, 'hang');
    const server = await start(inject('shapesModelPath'), { LD_PRELOAD: library, FAILING_DECODE: failure });
    const { body } = await fetch(`${server.url}/v1/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({ messages: [{ role: 'user', content: 'Hi' }], stream: true, ignore_eos: true }),
    });
    await body?.getReader().read();
    // An answer that were over would end the process in order.
    await writeFile(failure, 'hang');
    process.kill(server.pid, 'SIGTERM');
    while (!server.stderr().includes('Stopping')) await new Promise(setImmediate);
    expect(await server.stop('SIGTERM')).toBe('SIGTERM');
  },
);
