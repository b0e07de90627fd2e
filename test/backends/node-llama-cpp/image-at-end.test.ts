import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import backend from '../../../backends/node-llama-cpp/index.ts';
import { LoadedLlama } from '../../../backends/node-llama-cpp/loaded-llama.ts';
import { conversationsOf } from '../../engine/conversations.ts';
import { greedyRequest } from '../../engine/greedy.ts';
import { seeingCheckpoint } from '../../engine/seeing-checkpoints.ts';
import { writeCheckpoint } from '../../reference/write-checkpoint.ts';
import { answer } from '../../support/shapes-engine.ts';
import type { GenerateRequest } from '../../../src/backend/index.ts';
import { convertCheckpoint } from '../../../src/convert/index.ts';
import { defaultLoadSettings } from '../../../src/settings/index.ts';

const name = 'llava-tiny';
/** Nothing follows a picture. */
const chatTemplate = [
  '{% for message in messages %}{% for part in message.content %}',
  "{% if part.type == 'image' %}<image>{% else %}{{ part.text }}{% endif %}",
  '{% endfor %}{% endfor %}',
].join('');
const { signal } = new AbortController();
const onProgress = (): void => undefined;
let folder = '';
let model: LoadedLlama;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vserve-image-at-end-'));
  const checkpoint = seeingCheckpoint(name);
  const files = { ...checkpoint.files, 'chat_template.jinja': chatTemplate };
  await writeCheckpoint(join(folder, name), { ...checkpoint, files });
  const converted = await convertCheckpoint({
    sourceDir: join(folder, name),
    destinationDir: join(folder, 'converted'),
    outtype: 'f32',
    onProgress,
    signal,
  });
  const settings = { ...defaultLoadSettings, devices: 'cpu', maxLength: 2048, maxBatchSize: 2, threads: 1 };
  const loaded = await backend.load(converted, settings, { onProgress, log: () => undefined, signal });
  if (!(loaded instanceof LoadedLlama)) throw new Error('not a model of node-llama-cpp');
  model = loaded;
});
afterAll(async () => {
  await model.close();
  await rm(folder, { recursive: true });
});

/** The first conversation about a picture, cut off behind the picture. */
function endingInPicture(): GenerateRequest {
  const image = conversationsOf(name)
    .flat()
    .flatMap(({ content }) => content)
    .find((part) => part.type === 'image');
  if (image === undefined) throw new Error('no picture');
  return {
    ...greedyRequest,
    messages: [{ role: 'user', content: [{ type: 'text', text: 'This is' }, image] }],
    template: { variables: {}, addGenerationPrompt: true, continueFinalMessage: false },
    maxTokens: 8,
    ignoreEos: true,
  };
}

it('a prompt that ends in a picture is answered as any other', async () => {
  const request = endingInPicture();
  const runs = await model.inspectPrompt(request.messages, request.template);
  expect(typeof runs.at(-1)).toBe('number');
  const logits = await model.firstLogits(request, 5);
  expect(logits).toHaveLength(5);
  const { text, finish } = await answer(model, request);
  expect(finish.usage.completionTokens).toBe(8);
  expect((await answer(model, { ...request, cacheSalt: 'alone' })).text).toBe(text);
});
