import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, inject, test } from 'vitest';
import { serve as serveEcho } from '../server/support/serve.ts';
import { pictureBytes, referenceCase, referenceDir } from '../support/shapes.ts';
import { runVserve, temporaryFolder } from './run-vserve.ts';
import { scriptedServer } from './scripted-server.ts';

const picture = '031-0.png';

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});

function generate(args: readonly string[], environment: NodeJS.ProcessEnv = {}) {
  return runVserve(folder, ['generate', ...args], environment, { isReal: true });
}

describe('with a model of its own', () => {
  test('prints the answer and nothing else on standard output', async () => {
    const vserve = generate(['--backend', 'echo', '--prompt', 'hello there']);
    expect(await vserve.exit()).toMatchObject({ code: 0, stdout: 'hello there\n' });
  });

  test('takes the prompt from standard input, and images from files', async () => {
    await writeFile(join(folder, 'a picture.png'), pictureBytes(picture));
    const vserve = generate([
      '--backend',
      'echo',
      '--image',
      'a picture.png',
      '--image_url',
      './a picture.png',
      '--prompt',
      '-',
    ]);
    vserve.write('what is it?');
    vserve.closeStdin();
    const { code, stdout } = await vserve.exit();
    expect(stdout).toMatch(/^\[image (\d+x\d+)\] \[image \1\] what is it\?\n$/);
    expect(code).toBe(0);
  });

  test('takes an image from standard input', async () => {
    const vserve = generate(['--backend', 'echo', '--image', '-', '--prompt', 'this']);
    vserve.write(pictureBytes(picture));
    vserve.closeStdin();
    expect((await vserve.exit()).stdout).toMatch(/^\[image \d+x\d+\] this\n$/);
  });

  test('warms up, limits the answer, and prints one object with --json', async () => {
    const args = ['--backend', 'echo', '--json', '--num-warmups', '1', '--max-new-tokens', '2', '--prompt', 'a b c d'];
    const { code, stdout, stderr } = await generate(args).exit();
    expect(JSON.parse(stdout)).toMatchObject({
      model: 'echo',
      text: 'a b ',
      finishReason: 'length',
      usage: { promptTokens: 4, completionTokens: 2 },
      timings: { ttftMs: expect.any(Number), totalMs: expect.any(Number) },
    });
    expect(stderr).toMatch(/WARNING The answer was cut off after 2 tokens/);
    expect(code).toBe(0);
  });
});

test('the embedded model sees a picture', async () => {
  const reference = referenceCase('000');
  const files = [inject('shapesModelPath'), '--mmproj', inject('shapesMmprojPath')];
  const args = ['--devices', 'cpu', '--threads', '1', '--threads-batch', '1', '--temperature', '0'];
  const picture = ['--image', join(referenceDir, '000-0.png'), '--prompt', 'What is shown here?'];
  const { code, stdout } = await generate([...files, ...args, ...picture]).exit();
  expect([code, stdout]).toEqual([0, `${reference.expected}\n`]);
});

test('encode prints the embedding of a text', async () => {
  const vserve = runVserve(folder, ['encode', '--backend', 'echo'], {}, { isReal: true });
  vserve.write('two words');
  vserve.closeStdin();
  const { code, stdout } = await vserve.exit();
  const { promptTokens, embedding } = JSON.parse(stdout) as { promptTokens: number; embedding: number[] };
  expect([code, promptTokens]).toEqual([0, 2]);
  expect(Math.hypot(...embedding)).toBeCloseTo(1, 5);
});

describe('with a running server', () => {
  test('asks its first model, with the key', async () => {
    const server = await serveEcho({ settings: { apiKeys: ['secret'] } });
    const { code, stdout } = await generate(['--url', server.url, '--api-key', 'secret', '--prompt', 'hi']).exit();
    expect([code, stdout]).toEqual([0, 'hi\n']);
    const refused = await generate(['--url', `${server.url}/v1/`, '--api-key', 'wrong', '--prompt', 'hi']).exit();
    expect(refused.stderr).toMatch(/^Error: .*key/);
    expect(refused.code).toBe(2);
  });

  test('sends what the options say, and nothing else', async () => {
    await writeFile(join(folder, 'schema.json'), '{"type":"object"}');
    const server = await scriptedServer();
    const options = [
      '--model',
      'other',
      '--system',
      'Be brief.',
      '--temperature',
      '0',
      '--top-p',
      '.5',
      '--top-k',
      '3',
    ];
    options.push('--seed', '0', '--stop', 'a, b', '--stop', 'c', '--stop-token-ids', '1,2', '--ignore-eos');
    options.push(
      '--min-new-tokens',
      '1',
      '--max-new-tokens',
      '9',
      '--schema',
      'schema.json',
      '--reasoning-effort',
      'low',
    );
    const vserve = generate([
      '--url',
      server.url,
      ...options,
      '--prompt',
      'hi',
      '--image',
      'https://example.com/a.png',
    ]);
    const request = await server.next();
    expect(request.body).toEqual({
      model: 'other',
      messages: [
        { role: 'system', content: 'Be brief.' },
        {
          role: 'user',
          content: [
            { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
            { type: 'text', text: 'hi' },
          ],
        },
      ],
      temperature: 0,
      top_p: 0.5,
      top_k: 3,
      seed: 0,
      stop: ['a, b', 'c'],
      stop_token_ids: [1, 2],
      ignore_eos: true,
      min_tokens: 1,
      max_tokens: 9,
      reasoning_effort: 'low',
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'answer', strict: true, schema: { type: 'object' } },
      },
      stream: true,
      stream_options: { include_usage: true },
    });
    request.say('{}');
    request.end();
    expect(await vserve.exit()).toMatchObject({ code: 0, stdout: '{}\n' });
  });

  test('prints each piece when it comes; Ctrl+C ends the answer', async () => {
    const server = await scriptedServer();
    const vserve = generate(['--url', server.url, '--prompt', 'hi']);
    const request = await server.next();
    request.say('one ');
    await vserve.until(/^one $/);
    vserve.kill('SIGINT');
    await request.closed;
    expect(await vserve.exit()).toMatchObject({ code: 130, stdout: 'one \n', stderr: 'Stopped.\n' });
  });

  test('ends when nobody reads the answer any more', async () => {
    const server = await scriptedServer();
    const vserve = generate(['--url', server.url, '--prompt', 'hi']);
    const request = await server.next();
    request.say('one ');
    await vserve.until(/one/);
    vserve.closeStdout();
    let isGone = false;
    void request.closed.then(() => (isGone = true));
    // Only a write tells a program that its reader has left.
    const talk = setInterval(() => request.say('more '), 10);
    expect((await vserve.exit()).code).toBe(0);
    clearInterval(talk);
    await request.closed;
    expect(isGone).toBe(true);
  });

  test('JSON that was cut off is a failure', async () => {
    const server = await scriptedServer();
    const vserve = generate(['--url', server.url, '--prompt', 'hi', '--schema', '{"type":"object"}']);
    const request = await server.next();
    request.say('{"a":');
    request.end('length');
    const { code, stderr } = await vserve.exit();
    expect(stderr).toMatch(/^Error: The answer was cut off after 1 token,.*not complete JSON/);
    expect(code).toBe(1);
  });

  test.each([
    [
      'that breaks off',
      (request: Awaited<ReturnType<Awaited<ReturnType<typeof scriptedServer>>['next']>>) => request.break(),
      /closed the connection before/,
    ],
    [
      'that fails in the middle',
      (request: Awaited<ReturnType<Awaited<ReturnType<typeof scriptedServer>>['next']>>) =>
        request.event({ error: { message: 'The device is gone.', code: 'generation_failed' } }),
      /^Error: The device is gone\.\n$/,
    ],
  ])('an answer %s is a failure', async (_, fail, message) => {
    const server = await scriptedServer();
    const vserve = generate(['--url', server.url, '--prompt', 'hi']);
    const request = await server.next();
    request.say('one');
    await vserve.until(/one/);
    fail(request);
    const { code, stdout, stderr } = await vserve.exit();
    expect(stdout).toBe('one\n');
    expect(stderr).toMatch(message);
    expect(code).toBe(1);
  });

  test('what is wrong with a schema is told with its file, and the place in it', async () => {
    const server = await scriptedServer();
    await writeFile(join(folder, 'age.json'), '{"properties":{"age":{"type":"int"}}}');
    const vserve = generate(['--url', server.url, '--prompt', 'hi', '--schema', 'age.json']);
    const request = await server.next();
    const param = 'response_format.json_schema.schema.properties.age.type';
    request.event({ error: { message: 'Unknown type "int".', code: 'invalid_request', param } });
    const { stderr } = await vserve.exit();
    expect(stderr).toBe('Error: --schema age.json, at properties.age.type: Unknown type "int".\n');
  });

  test('a server that is not there is an error with advice', async () => {
    const { code, stderr } = await generate(['--url', '127.0.0.1:1', '--prompt', 'hi']).exit();
    expect(stderr).toMatch(
      /^Error: http:\/\/127\.0\.0\.1:1 cannot be reached \(ECONNREFUSED\)\. Nothing listens there/,
    );
    expect(code).toBe(1);
  });
});

describe('a mistake has exit code 2:', () => {
  test.each<readonly [string, readonly string[], RegExp]>([
    ['no model', ['--prompt', 'hi'], /No model to ask/],
    ['an image that is missing', ['--image', 'none.png', '--prompt', 'hi'], /The image none\.png does not exist/],
    ['a file that is no image', ['--image', 'package.json', '--prompt', 'hi'], /package\.json is not an image/],
    ['two uses of standard input', ['--image', '-', '--prompt', '-'], /can be one image or the prompt, not both/],
    ['a schema that is no JSON', ['--schema', '{nope', '--prompt', 'hi'], /--schema is not JSON/],
    ['a schema that is missing', ['--schema', 'none.json', '--prompt', 'hi'], /none\.json, which does not exist/],
    ['a temperature that is none', ['--temperature', 'hot', '--prompt', 'hi'], /--temperature is "hot": it must be/],
    [
      'a flag of max generate that does not apply',
      ['--profile', '--prompt', 'hi'],
      /--profile is not supported: a profiler/,
    ],
    ['nothing to ask', [], /There is nothing to ask/],
  ])('%s', async (_, args, message) => {
    await writeFile(join(folder, 'package.json'), await readFile('package.json'));
    const vserve = generate(args);
    vserve.closeStdin();
    const { code, stdout, stderr } = await vserve.exit();
    expect(stderr).toMatch(message);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });
});
