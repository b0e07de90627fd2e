import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { LoadedLlama } from '../../../backends/node-llama-cpp/loaded-llama.ts';
import type { ChatMessage, ModelFiles } from '../../../src/backend/index.ts';
import { convertCheckpoint } from '../../../src/convert/index.ts';
import { seeingCheckpoint } from '../../engine/seeing-checkpoints.ts';
import { loadShaped } from '../../engine/storm/engine-shape.ts';
import { embeddedModel } from '../../engine/storm/families.ts';
import { writeCheckpoint } from '../../reference/write-checkpoint.ts';
import { answer, shapesFiles, userTurn } from '../../support/shapes-engine.ts';

const words = 'red blue green star square circle left right top one two big small what is in the picture '.split(' ');

/** A text of so many words, the same for a number. */
const text = (count: number, which: number): string =>
  Array.from({ length: count }, (_, i) => words[(i * (which + 3) + which) % words.length]).join(' ');

const message = (role: 'user' | 'assistant', content: string): ChatMessage => ({
  role,
  content: [{ type: 'text', text: content }],
});

/** As real models write it: those that are made for tests mark no ends. */
const chatTemplate = [
  "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% for c in m['content'] %}{{ c['text'] }}{% endfor %}<|im_end|>\n",
  '{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}',
].join('');

/** The files of a tiny model with that template. */
async function convert(family: string): Promise<ModelFiles> {
  const folder = await mkdtemp(join(tmpdir(), 'vserve-checkpoints-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const checkpoint = seeingCheckpoint(family);
  const files = { ...checkpoint.files, 'chat_template.jinja': chatTemplate };
  await writeCheckpoint(join(folder, family), { ...checkpoint, files });
  return convertCheckpoint({
    sourceDir: join(folder, family),
    destinationDir: join(folder, 'converted'),
    outtype: 'f32',
    onProgress: () => undefined,
    signal: new AbortController().signal,
  });
}

async function load(files: ModelFiles): Promise<LoadedLlama> {
  const model = await loadShaped(files, {
    kvCacheFormat: 'f32',
    flashAttention: 'off',
    maxSequences: 1,
    contextCells: 2048,
    separateCells: true,
    maxLength: 2048,
    batchTokens: 128,
    threads: 1,
    enablePrefixCaching: true,
    kvCopyBytes: 64e6,
    maxVisionCacheEntries: 0,
  });
  onTestFinished(() => model.close());
  return model;
}

/** A sliding window, and a recurrent state. */
it.each([embeddedModel, 'qwen3.5-tiny'])(
  'a last turn that is edited is all that is computed anew (%s)',
  async (family) => {
    const model = await load(family === embeddedModel ? shapesFiles() : await convert(family));
    const before = [message('user', text(150, 1)), message('assistant', text(120, 2))];
    const asking = (last: string) => ({
      ...userTurn([], { maxTokens: 4 }),
      messages: [...before, message('user', last)],
    });
    await answer(model, asking(text(200, 3)));
    const template = { variables: {}, addGenerationPrompt: false, continueFinalMessage: false };
    const [tokensBefore = NaN] = (await model.inspectPrompt(before, template)).map((run) => Number(Object(run).length));
    const edited = await answer(model, asking(`${text(3, 5)} ${text(200, 4)}`));
    // What the template writes between two messages may stand behind the token that ends the first.
    expect(edited.finish.usage.cachedTokens).toBeGreaterThanOrEqual(tokensBefore - 3);
    const again = await answer(model, { ...asking(`${text(3, 5)} ${text(200, 4)}`), cacheSalt: 'other' });
    expect(edited.text).toBe(again.text);
  },
);
