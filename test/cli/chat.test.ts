import { spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { pictureBytes } from '../support/shapes.ts';
import { runVserve, temporaryFolder } from './run-vserve.ts';
import { scriptedServer } from './scripted-server.ts';

const hasPython = spawnSync('python3', ['-c', 'import pty']).status === 0;
const ESCAPE = '\u001B';
const CTRL_C = '\u0003';
const CTRL_D = '\u0004';
/** The prompt, and the cursor behind it. */
const prompt = new RegExp(`> (${ESCAPE}\\[\\d+G)*$`);

function withPrompt(pattern: RegExp): RegExp {
  return new RegExp(`${pattern.source}[^]*${prompt.source}`);
}

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});

function chat(url: string, args: readonly string[] = [], isTerminal = false, environment: NodeJS.ProcessEnv = {}) {
  const launcher = isTerminal ? ['python3', join(import.meta.dirname, 'typing-terminal.py'), '24', '80'] : [];
  const verb = isTerminal && args.length === 0 ? 'generate' : 'chat';
  return runVserve(
    folder,
    [verb, '--url', url, ...args],
    { TERM: 'xterm', ...environment },
    { launcher, isReal: true },
  );
}

describe('on a pipe', () => {
  test('each line is a message, and the conversation goes on', async () => {
    const server = await scriptedServer();
    const vserve = chat(server.url, ['--system', 'Be brief.', '--temperature', '0']);
    vserve.write('hello\n');
    const first = await server.next();
    first.say('Hi', '!');
    first.end();
    vserve.write('again\n/reset\nanew\n/exit\nnever\n');
    const second = await server.next();
    expect(second.body).toMatchObject({
      temperature: 0,
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'hello' },
        { role: 'assistant', content: 'Hi!' },
        { role: 'user', content: 'again' },
      ],
    });
    second.say('Yes.\n');
    second.end();
    const third = await server.next();
    expect(third.body.messages).toEqual([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'anew' },
    ]);
    third.end();
    expect(await vserve.exit()).toMatchObject({ code: 0, stdout: 'Hi!\nYes.\n' });
  });

  test('an answer that fails is taken back, and the conversation goes on', async () => {
    const server = await scriptedServer();
    const vserve = chat(server.url);
    vserve.write('first\nsecond\n');
    const first = await server.next();
    first.event({ error: { message: 'Too long.', code: 'context_length_exceeded' } });
    const second = await server.next();
    expect(second.body.messages).toEqual([{ role: 'user', content: 'second' }]);
    second.say('ok');
    second.end();
    vserve.closeStdin();
    const { code, stdout, stderr } = await vserve.exit();
    expect(stderr).toMatch(/Error: Too long\./);
    expect([code, stdout]).toEqual([0, 'ok\n']);
  });

  test('pictures come by command and by path, from this machine and from elsewhere', async () => {
    await writeFile(join(folder, 'my cat.png'), pictureBytes('031-0.png'));
    const path = join(folder, 'my cat.png');
    const server = await scriptedServer();
    const vserve = chat(server.url);
    vserve.write(`/image https://example.com/a.png\n/image ${path.replace(' ', '\\ ')} what is it?\n`);
    const first = await server.next();
    const data = `data:image/png;base64,${pictureBytes('031-0.png').toString('base64')}`;
    expect(first.body.messages.at(-1)?.content).toEqual([
      { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
      { type: 'image_url', image_url: { url: data } },
      { type: 'text', text: 'what is it?' },
    ]);
    first.say('a cat');
    first.end();
    vserve.write(`and '${path}' is cat.png?\n/image ${join(folder, 'none.png')}\n`);
    const second = await server.next();
    expect(second.body.messages.at(-1)?.content).toEqual([
      { type: 'image_url', image_url: { url: data } },
      { type: 'text', text: 'and is cat.png?' },
    ]);
    second.end();
    vserve.closeStdin();
    expect((await vserve.exit()).stderr).toMatch(/Error: The image .*none\.png does not exist/);
  });

  test('a conversation can be saved, never over another file, and loaded', async () => {
    const server = await scriptedServer();
    const vserve = chat(server.url);
    vserve.write('hello\n');
    const first = await server.next();
    first.say('Hi!');
    first.end();
    vserve.write(
      '/system Be brief.\n/save talk.json\n/save talk.json\n/reset\n/load talk.json\n/load none.json\nmore\n',
    );
    const second = await server.next();
    const messages = [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'hello' },
      { role: 'assistant', content: 'Hi!' },
    ];
    expect(second.body.messages).toEqual([...messages, { role: 'user', content: 'more' }]);
    second.end();
    vserve.write('/nope\n/help\n');
    vserve.closeStdin();
    const { stderr } = await vserve.exit();
    expect(JSON.parse(await readFile(join(folder, 'talk.json'), 'utf8'))).toEqual({ model: 'scripted', messages });
    expect(stderr).toMatch(/Error: talk\.json is there already/);
    expect(stderr).toMatch(/Error: none\.json cannot be read: no such file or directory \(ENOENT\)\s/);
    expect(stderr).toMatch(/There is no \/nope/);
    expect(stderr).toMatch(/\/image <path or URL> \[question\] +Show an image/);
  });
});

describe.runIf(hasPython)('on a terminal', () => {
  test('Ctrl+C stops the answer, keeps what there is of it, and twice leaves', async () => {
    const server = await scriptedServer();
    const vserve = chat(server.url, [], true);
    await vserve.until(prompt);
    vserve.write('hello\r');
    const first = await server.next();
    first.say('Once upon');
    await vserve.until(/Once upon/);
    vserve.write(CTRL_C);
    await first.closed;
    await vserve.until(withPrompt(/Stopped\. Ctrl\+C again leaves\./));
    vserve.write('again\r');
    const second = await server.next();
    expect(second.body.messages).toEqual([
      { role: 'user', content: 'hello' },
      { role: 'assistant', content: 'Once upon' },
      { role: 'user', content: 'again' },
    ]);
    second.say('\u001B[2Jdone');
    second.end();
    await vserve.until(withPrompt(/\\u001b\[2Jdone/));
    vserve.write(CTRL_C);
    await vserve.until(withPrompt(/\nCtrl\+C again leaves\./));
    vserve.write(CTRL_C);
    expect((await vserve.exit()).code).toBe(0);
  });

  test('what is pasted is one message, and what is typed meanwhile waits for its turn', async () => {
    const server = await scriptedServer();
    const vserve = chat(server.url, ['--system', 'x'], true);
    await vserve.until(prompt);
    vserve.write('\u001B[200~one\rtwo\u001B[201~ three\r');
    const first = await server.next();
    expect(first.body.messages.at(-1)).toEqual({ role: 'user', content: 'one\ntwo three' });
    vserve.write('next\\\rline\r');
    first.say('ok');
    first.end();
    const second = await server.next();
    expect(second.body.messages.at(-1)).toEqual({ role: 'user', content: 'next\nline' });
    second.say('done');
    second.end();
    await vserve.until(withPrompt(/done/));
    vserve.write(CTRL_D);
    expect((await vserve.exit()).code).toBe(0);
  });

  test('shows a picture where the terminal can, and counts it in the prompt', async () => {
    await writeFile(join(folder, 'cat.png'), pictureBytes('031-0.png'));
    const server = await scriptedServer();
    const environment = { TERM: 'xterm-kitty', KITTY_WINDOW_ID: '1' };
    const vserve = chat(server.url, ['--image', 'cat.png'], true, environment);
    await vserve.until(withPrompt(new RegExp(`${ESCAPE}_Ga=T,f=100[^]*\\[1 picture\\] `)));
    vserve.write('/exit\r');
    expect((await vserve.exit()).code).toBe(0);
  });
});
