import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { model, runVserve, temporaryFolder } from './run-vserve.ts';

const ready = /Server ready on (http:\/\/127\.0\.0\.1:\d+) \(Press CTRL\+C to quit\)/;

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});

function serve(args: readonly string[]) {
  const all = ['serve', '--backend', 'echo', '--metrics-endpoint-port', 'off', ...args];
  return runVserve(folder, all, {}, { isReal: true });
}

interface Model {
  readonly id: string;
  readonly context_length?: number;
  readonly status?: { readonly value: string };
}

async function modelsAt(url: string): Promise<readonly Model[]> {
  const { data } = (await (await fetch(`${url}/v1/models`)).json()) as { data: readonly Model[] };
  return data;
}

async function ask(url: string, name: string): Promise<string> {
  const body = JSON.stringify({ model: name, messages: [{ role: 'user', content: 'hello' }] });
  const answer = await fetch(`${url}/v1/chat/completions`, { method: 'POST', body });
  const { choices, model: named } = (await answer.json()) as {
    choices: [{ message: { content: string } }];
    model: string;
  };
  return `${named}: ${choices[0].message.content}`;
}

test('--model may be given several times, and each is loaded when a request names it', async () => {
  const [a, b] = [await model(folder, 'a.gguf'), await model(folder, 'b.gguf')];
  const vserve = serve(['--model', a, '--model', b, '--max-loaded-models', '1']);
  const [, url = ''] = await vserve.until(ready);
  expect((await modelsAt(url)).map(({ id }) => id)).toEqual([a, b]);
  expect(await ask(url, 'b')).toBe(`${b}: hello`);
  expect(await ask(url, a)).toBe(`${a}: hello`);
  expect((await modelsAt(url)).map(({ status }) => status?.value)).toEqual(['loaded', 'unloaded']);
  const listed = runVserve(folder, ['ps'], {}, { isReal: true });
  expect((await listed.exit()).stdout).toContain(`${a}, ${b}`);
  vserve.kill('SIGTERM');
  const { code, stderr } = await vserve.exit();
  expect(stderr).toMatch(/The model .*b\.gguf has left memory: .*a\.gguf needs its place/);
  expect(code).toBe(0);
});

test('a file of models gives each its own name and options', async () => {
  const a = await model(folder, 'a.gguf');
  await writeFile(
    join(folder, 'models.yaml'),
    `- name: short\n  model: ${a}\n  max-length: 100\n- name: long\n  model: ${a}\n  preload: true\n`,
  );
  const vserve = serve(['--models-file', 'models.yaml', '--max-length', '5000']);
  const [, url = ''] = await vserve.until(ready);
  await vserve.until(/The model long was loaded/);
  expect((await modelsAt(url)).map(({ id, context_length: length }) => [id, length])).toEqual([
    ['short', undefined],
    ['long', 5000],
  ]);
  expect(await ask(url, 'short')).toBe('short: hello');
  expect((await modelsAt(url))[0]?.context_length).toBe(100);
  vserve.kill('SIGTERM');
  expect((await vserve.exit()).code).toBe(0);
});

test('a single model leaves memory when nobody asks for it, where it is told so, and is loaded again', async () => {
  const a = await model(folder, 'a.gguf');
  const vserve = serve(['--model', a, '--served-model-name', 'mine', '--keep-alive', '0']);
  const [, url = ''] = await vserve.until(ready);
  expect(await ask(url, 'mine')).toBe('mine: hello');
  await vserve.until(/The model mine has left memory: nobody has asked for it/);
  expect(await ask(url, 'mine')).toBe('mine: hello');
  vserve.kill('SIGTERM');
  expect((await vserve.exit()).code).toBe(0);
});

test.each([
  [
    ['--model', 'a.gguf', '--model', 'b.gguf', '--served-model-name', 'mine'],
    /--served-model-name is for one model, and there are several\. Write it into a --models-file/,
  ],
  [['--model', 'a.gguf', '--models-file', 'same.yaml'], /Two models have the name "a\.gguf"/],
  [['a.gguf', '--model', 'b.gguf', '--model', 'c.gguf'], /Two models were given: a\.gguf and b\.gguf/],
  [
    ['--model', 'a.gguf', '--model', 'b.gguf', '--lora-paths', 'x=./x.gguf'],
    /--lora-paths is for one model, and there are several\. Write it into a --models-file/,
  ],
  [['--model', 'a.gguf', '--keep-alive', '5m', '--enable-lora'], /--enable-lora .* here models come and go/],
  [['--models-file', 'adapted.yaml'], /Two models have the name "a\.gguf", or a model and an adapter/],
  [['--models-file', 'none.yaml'], /The models file none\.yaml does not exist/],
  [['--model', 'a.gguf', '--keep-alive', 'soon'], /--keep-alive is "soon": it must be a duration such as 5m/],
])('%j is refused', async (args, message) => {
  await writeFile(join(folder, 'same.yaml'), '- a.gguf\n');
  await writeFile(
    join(folder, 'adapted.yaml'),
    '- a.gguf\n- model: b.gguf\n  lora_paths: [./x.gguf, a.gguf=./y.gguf]\n',
  );
  const { code, stderr } = await serve(args).exit();
  expect(stderr).toMatch(message);
  expect(code).toBe(2);
});
