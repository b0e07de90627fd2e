import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GenerateRequest, LoadedModel, ModelFiles } from '../../../src/backend/index.ts';
import { convertCheckpoint } from '../../../src/convert/index.ts';
import { loadShapes, userTurn } from '../../support/shapes-engine.ts';
import { shapesCheckpointDir } from '../../support/shapes.ts';

/** With the variable `endless`, it does not end before the request is given up: 10^15 turns. */
const template = [
  '{% if endless %}',
  ...Array.from({ length: 5 }, (_, depth) => `{% for x${String(depth)} in range(1000) %}`),
  '{% set y = x4 %}',
  '{% endfor %}'.repeat(5),
  '{% endif %}',
  '{{ messages[0].content }}',
].join('');

const short = userTurn(['Hello'], { maxTokens: 1 });
/** Too long for the model, which is known only when it is built. */
const long = userTurn(['a '.repeat(100_000)]);
const endless: GenerateRequest = {
  ...long,
  template: { variables: { endless: true }, addGenerationPrompt: true, continueFinalMessage: false },
};
/** Enough to occupy all threads of libuv's pool, which has four, several times. */
const several = Array.from({ length: 16 });

async function generate(
  model: LoadedModel,
  request: GenerateRequest,
  signal = new AbortController().signal,
): Promise<void> {
  for await (const event of model.generate(request, signal)) void event;
}

async function threadsOfProcess(): Promise<number> {
  return (await readdir('/proc/self/task')).length;
}

/** Libuv starts all of them for the first of these. */
function readFiles(): Promise<unknown> {
  return Promise.all(several.map(() => readFile(import.meta.filename)));
}

// A prompt that does not end stands for one that takes long: what waits for it waits for ever.
describe('prompts that take long to build', () => {
  let folder: string;
  let files: ModelFiles;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vserve-prompt-threads-'));
    const sourceDir = join(folder, 'checkpoint');
    await cp(shapesCheckpointDir, sourceDir, { recursive: true });
    await writeFile(join(sourceDir, 'chat_template.jinja'), template);
    const destinationDir = join(folder, 'converted');
    files = await convertCheckpoint({
      sourceDir,
      destinationDir,
      outtype: 'f16',
      onProgress: () => undefined,
      signal: new AbortController().signal,
    });
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('hold up neither short ones nor the rest of the process, until their clients leave', async () => {
    const model = await loadShapes({ threads: 1 }, files);
    await Promise.all([generate(model, short), readFiles()]);
    const idle = process.platform === 'linux' ? await threadsOfProcess() : 0;
    const left = new Error('the client left');
    const clients = several.map(() => new AbortController());
    const answers = clients.map(({ signal }) => expect(generate(model, endless, signal)).rejects.toBe(left));
    await generate(model, short);
    await readFiles();
    // Two that build long prompts, and two for short ones, if they have not ended yet.
    if (process.platform === 'linux') expect(await threadsOfProcess()).toBeLessThanOrEqual(idle + 4);
    for (const client of clients) client.abort(left);
    await Promise.all(answers);
    await expect(generate(model, long)).rejects.toMatchObject({ code: 'context_length_exceeded' });
    await model.close();
  });

  it('are given up when the model is closed', async () => {
    const model = await loadShapes({ threads: 1 }, files);
    const answers = several.map(() => expect(generate(model, endless)).rejects.toMatchObject({ code: 'model_closed' }));
    await Promise.all([model.close(), ...answers]);
  });
});
