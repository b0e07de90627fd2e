/**
 * `npm run demo`: serves the embedded vision model and asks it what is in an image, over the HTTP API that any client
 * would use. `-- --port 9000` uses another port, `-- --once` stops after the answer.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { messageOf } from '../src/errors/index.ts';
import { scriptArguments } from './arguments.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const checkpoint = join(root, 'test', 'models', 'shapes-vlm');
const pictures = join(root, 'test', 'fixtures', 'shapes-vlm-reference');
const pictureUrl = pathToFileURL(join(pictures, '031-0.png')).href;

/** The request of MAX's "image to text" guide. */
function guideRequest(stream: boolean): object {
  return {
    model: 'shapes-vlm',
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is in this image?' },
          { type: 'image_url', image_url: { url: pictureUrl } },
        ],
      },
    ],
    max_tokens: 300,
    ...(stream ? { stream } : {}),
  };
}

interface Chunk {
  readonly choices: readonly { readonly delta: { readonly content?: string } }[];
}

/** Asks the server and streams the answer to stdout. */
async function ask(url: string): Promise<void> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(guideRequest(true)),
  });
  if (!response.ok || response.body === null) throw new Error(`The server answered ${await response.text()}`);
  let pending = '';
  let first = true;
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (pending + text).split('\n');
    pending = lines.pop() ?? '';
    for (const line of lines.filter((candidate) => candidate.startsWith('data: {'))) {
      const { choices } = JSON.parse(line.slice('data: '.length)) as Chunk;
      const text = choices[0]?.delta.content ?? '';
      // The server logs a line before the first text.
      if (text !== '' && first) process.stdout.write('Answer:   ');
      first &&= text === '';
      process.stdout.write(text);
    }
  }
}

function curlLine(url: string): string {
  const body = JSON.stringify(guideRequest(false)).replaceAll("'", String.raw`'\''`);
  return `curl ${url}/v1/chat/completions -H 'Content-Type: application/json' -d '${body}'`;
}

async function main(): Promise<number> {
  const values = scriptArguments({
    options: { port: { type: 'string', default: '8000' }, once: { type: 'boolean', default: false } },
  }).values;
  const url = `http://localhost:${values.port}`;
  const command = ['serve', '--model', checkpoint, '--served-model-name', 'shapes-vlm', '--port', values.port];
  const server = spawn(
    process.execPath,
    [join(root, 'bin', 'vserve.js'), ...command, '--allowed-image-root', pictures],
    { stdio: ['inherit', 'pipe', 'inherit'] },
  );
  const exited = once(server, 'exit') as Promise<[number | null]>;
  // Ctrl+C reaches the server too, which shuts down in order; the demo ends after it.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => server.kill('SIGTERM'));

  let asked = false;
  let printed = '';
  server.stdout.setEncoding('utf8');
  server.stdout.on('data', (text: string) => {
    process.stdout.write(text);
    printed += text;
    if (asked || !/Server ready on .*\n.*\n/.test(printed)) return;
    asked = true;
    void converse(url, values.once, () => server.kill('SIGTERM'));
  });
  const [exitCode] = await exited;
  return exitCode ?? 1;
}

async function converse(url: string, isOnly: boolean, stopServer: () => void): Promise<void> {
  console.log(`\nImage:    ${fileURLToPath(pictureUrl)}`);
  console.log('Question: What is in this image?');
  try {
    await ask(url);
    console.log(isOnly ? '\n' : `\n\nTry it from another terminal:\n\n${curlLine(url)}\n`);
    if (isOnly) stopServer();
  } catch (error) {
    console.error(`\nThe demo failed: ${messageOf(error)}`);
    process.exitCode = 1;
    stopServer();
  }
}

const exitCode = await main();
process.exitCode ??= exitCode;
