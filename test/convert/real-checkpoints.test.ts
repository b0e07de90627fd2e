import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fixture } from '../reference/checkpoints.ts';
import { expanded, realCheckpoints } from '../reference/real-checkpoints.ts';
import type { RealCheckpoint } from '../reference/real-checkpoints.ts';
import { writeCheckpoint } from '../reference/write-checkpoint.ts';
import { findDeclarations } from '../../src/convert/architectures/index.ts';
import type { GgufDeclaration } from '../../src/convert/architectures/architecture.ts';
import { CheckpointFolder } from '../../src/convert/checkpoint/checkpoint-folder.ts';
import { planConversion } from '../../src/convert/plan/plan-conversion.ts';
import { parseGgufHeader } from '../../src/gguf/read-header.ts';
import { temporaryFolder } from './support/checkpoints.ts';

/** A small tokenizer of the kind that each has; the other ids of the vocabulary stay unused. */
const tokenizers: Readonly<Record<string, string>> = {
  'medgemma-27b': 'gemma3n',
  'mixtral-8x22b-wizardlm': 'llama2',
};

/** Of the text model and of the encoder, in millions, as the checkpoints' own cards or their authors' code give them. */
const parameterMillions: Readonly<Record<string, readonly [text: number, vision?: number]>> = {
  'deepseek-ocr-2': [2934, 454],
  'granite-docling-258m': [164, 93],
};

/** Whether its index counts all bytes as of two bytes a number, or of four. */
function isCounted(name: string, { totalBytes }: RealCheckpoint): boolean {
  // A few of DeepSeek-OCR 2's tensors are in single precision, the others are not.
  return totalBytes !== null && totalBytes > 0 && name !== 'deepseek-ocr-2';
}

function tokenizerFiles(name: string): Record<string, Buffer> {
  const folder = fixture(`tokenizers/${tokenizers[name] ?? 'gpt2'}`);
  return Object.fromEntries(readdirSync(folder).map((file) => [file, readFileSync(join(folder, file))]));
}

/** The declarations of what a checkpoint becomes, known without a tensor's shape. */
async function declarationsOf(
  real: RealCheckpoint,
  tensorNames: readonly string[],
  files: Record<string, Buffer | object>,
) {
  const path = join(await temporaryFolder(), 'small-files');
  await mkdir(path);
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(path, name), Buffer.isBuffer(content) ? content : JSON.stringify(content));
  }
  const config = real.files['config.json'] ?? {};
  const { text, vision } = await findDeclarations(config);
  const checkpoint = { folder: new CheckpointFolder(path), config, tensorNames };
  return [await text(checkpoint), ...(vision === undefined ? [] : [await vision(checkpoint)])];
}

/** Finds the shape that the declarations want a tensor to have; undefined for one that none wants. */
function shapeFinder(declarations: readonly GgufDeclaration[]): (name: string) => readonly number[] | undefined {
  const wanted = declarations.map(
    ({ tensors }) => new Map(tensors.flatMap(({ sources }) => sources).map(({ name, shape }) => [name, shape])),
  );
  return (name) => {
    const shape = declarations.map(({ canonicalName }, i) => wanted[i]?.get(canonicalName(name))).find(Boolean);
    const isIgnored = declarations.some(({ canonicalName, ignored }) =>
      ignored.some((pattern) => pattern.test(canonicalName(name))),
    );
    return shape ?? (isIgnored ? [1] : undefined);
  };
}

/** The names that a checkpoint must have, for one whose own list is not public: as its declarations have them. */
function requiredNames(declarations: readonly GgufDeclaration[]): string[] {
  const rules = declarations.flatMap(({ tensors }) => tensors).filter(({ optional }) => optional !== true);
  return [...new Set(rules.flatMap(({ sources }) => sources.map(({ name }) => name)))];
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

describe.each(Object.entries(realCheckpoints()))(
  '%s, with the names and the configuration that it has',
  (name, real) => {
    test('is known tensor by tensor, and as large as its index says', async () => {
      const listed = real.tensors.flatMap((pattern) => expanded(pattern));
      const files = { ...tokenizerFiles(name), ...real.files };
      const declarations = await declarationsOf(real, listed, files);
      const names = listed.length > 0 ? listed : requiredNames(declarations);
      const find = shapeFinder(declarations);
      const shapes = new Map(names.map((tensor) => [tensor, find(tensor)]));
      expect(names.filter((tensor) => shapes.get(tensor) === undefined)).toEqual([]);

      const sourceDir = join(await temporaryFolder(), name);
      const known = new Map([...shapes].flatMap(([tensor, shape]) => (shape ? [[tensor, shape] as const] : [])));
      await writeCheckpoint(
        sourceDir,
        { files, shapes: known, dtype: 'BF16', seed: 1, shards: 1 },
        { withWeights: false },
      );
      const plan = await planConversion({ sourceDir, outtype: 'auto' });
      expect(plan.files.map(({ file }) => file)).toEqual(
        declarations.map((_, i) => (i === 0 ? 'model.gguf' : 'mmproj.gguf')),
      );

      const bytes = 2 * [...known.values()].reduce((sum, shape) => sum + sizeOf(shape), 0);
      if (isCounted(name, real)) expect((real.totalBytes ?? 0) % bytes).toBe(0);
      const millions = plan.files.map(({ header }) =>
        parseGgufHeader(header).tensors.reduce((sum, { shape }) => sum + sizeOf(shape) / 1e6, 0),
      );
      for (const [i, count] of (parameterMillions[name] ?? []).entries())
        expect(millions[i]).toBeCloseTo(count ?? 0, -1);
    });
  },
);
