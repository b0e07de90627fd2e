import { mkdtemp, rm } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import backend from '../../../backends/node-llama-cpp/index.ts';
import { ask } from '../../../scripts/engine/ask.ts';
import type { OwnAnswer } from '../../../scripts/engine/ask.ts';
import { conversationsOf } from '../../../scripts/engine/conversations.ts';
import type { PeerAnswer } from '../../../scripts/engine/llama-server.ts';
import { seeingCheckpoint } from '../../../scripts/engine/seeing-checkpoints.ts';
import { writeCheckpoint } from '../../../scripts/reference/write-checkpoint.ts';
import type { ChatMessage, LoadedModel, LoadSettings, ModelFiles } from '../../../src/backend/index.ts';
import { convertCheckpoint } from '../../../src/convert/index.ts';

/** What llama-server answers, by `scripts/compare-engine.ts`. */
const reference = JSON.parse(
  readFileSync(new URL('../../fixtures/engine/llama-server.json', import.meta.url), 'utf8'),
) as Readonly<Record<string, readonly PeerAnswer[]>>;

/** Closer calls may fall otherwise with another CPU's kernels. */
const clearMargin = 0.05;

async function load(files: ModelFiles, settings: Partial<LoadSettings>): Promise<LoadedModel> {
  return backend.load(
    files,
    // The encoder multiplies as llama-server's does: kernels of another precision decide close calls otherwise.
    { devices: 'cpu', maxLength: 8192, maxBatchSize: 2, threads: 1, mmprojEncoding: 'original', ...settings },
    { onProgress: () => undefined, log: () => undefined, signal: new AbortController().signal },
  );
}

async function askAll(
  files: ModelFiles,
  settings: Partial<LoadSettings>,
  conversations: readonly (readonly ChatMessage[])[],
): Promise<OwnAnswer[]> {
  const model = await load(files, settings);
  const answers: OwnAnswer[] = [];
  for (const messages of conversations) answers.push(await ask(model, messages));
  await model.close();
  return answers;
}

describe.each(Object.entries(reference))('a converted %s', (name, expected) => {
  const conversations = conversationsOf(name);
  let folder = '';
  let plain: OwnAnswer[];
  /** With caches: in their order, and back again. */
  let cached: OwnAnswer[];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vserve-family-'));
    const sourceDir = join(folder, name);
    await writeCheckpoint(sourceDir, seeingCheckpoint(name));
    const { modelPath, mmprojPath } = await convertCheckpoint({
      sourceDir,
      destinationDir: folder,
      outtype: 'f32',
      onProgress: () => undefined,
      signal: new AbortController().signal,
    });
    const files = { modelPath, mmprojPath };
    [plain, cached] = await Promise.all([
      askAll(files, { prefixCaching: false, maxVisionCacheEntries: 0 }, conversations),
      askAll(files, {}, [...conversations, ...conversations.toReversed()]),
    ]);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('gets prompts as long as llama-server’s, and answers the same, token for token', () => {
    expect(plain.map(({ promptTokens }) => promptTokens)).toEqual(expected.map(({ promptTokens }) => promptTokens));
    const clear = expected.map(({ smallestMargin, text }) => (smallestMargin > clearMargin ? text : undefined));
    expect(clear.filter((text) => text !== undefined).length).toBeGreaterThanOrEqual(3);
    expect(plain.map(({ text }, i) => (clear[i] === undefined ? undefined : text))).toEqual(clear);
  });

  it('answers by what it sees: another picture, another answer', () => {
    const [wide, otherWide, ...others] = plain.map(({ text }) => text);
    expect(wide).not.toBe(otherWide);
    // Random weights may fall into the same words twice: in llama-server too, then.
    const [, , ...theirs] = expected.map(({ text }) => text);
    expect(new Set(others).size).toBeGreaterThanOrEqual(Math.min(new Set(theirs).size, others.length));
    expect(new Set(theirs).size).toBeGreaterThanOrEqual(others.length - 1);
  });

  it('answers the same with caches, in any order', () => {
    for (const [i, answer] of [...plain, ...plain.toReversed()].entries()) {
      const { smallestMargin = 0 } = [...expected, ...expected.toReversed()][i] ?? {};
      if (smallestMargin > clearMargin) expect(cached[i]).toEqual(answer);
    }
  });
});
