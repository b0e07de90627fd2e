import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fixture, referenceCheckpoints } from '../reference/checkpoints.ts';
import { writeCheckpoint } from '../reference/write-checkpoint.ts';
import { findDeclarations } from '../../src/convert/architectures/index.ts';
import type { JsonObject } from '../../src/convert/checkpoint/checkpoint-folder.ts';
import { supportedArchitectures } from '../../src/convert/index.ts';
import type { Outtype } from '../../src/convert/index.ts';
import { convert, shapesVlmFolder } from './support/checkpoints.ts';
import { describeGguf } from './support/describe-gguf.ts';
import type { GgufDescription } from './support/describe-gguf.ts';
import { conversionCommands, readReference } from './support/read-reference.ts';

/** Where a reference is not followed. */
type Deviations = Pick<(typeof referenceCheckpoints)[string], 'ownKeys' | 'ownNames'> & {
  /** Tensors that stand in the place of those of the same name. */
  readonly own?: GgufDescription['tensors'];
};

/** Compares piece by piece, so that a difference shows where it is, and last the whole file. */
async function expectSame(
  path: string | undefined,
  reference: GgufDescription | undefined,
  { ownKeys = [], ownNames = {}, own: ownTensors = [] }: Deviations = {},
): Promise<void> {
  if (path === undefined || reference === undefined) {
    expect(path).toBe(reference);
    return;
  }
  const described = await describeGguf(path);
  // What GGUF has no keys for stands under keys of our own.
  const kv = Object.fromEntries(Object.entries(described.kv).filter(([key]) => !key.startsWith('vserve.generation.')));
  const actual = { ...described, kv };
  const own = Object.fromEntries(ownKeys.map((key) => [key, expect.anything() as unknown]));
  expect(actual.kv).toEqual({ ...reference.kv, ...own });
  expect(Object.keys(actual.kv)).toEqual(Object.keys(reference.kv));
  const ownName = (name: string): string =>
    Object.entries(ownNames).reduce((own, [theirs, ours]) => own.replace(theirs, ours), name);
  const tensors = reference.tensors.map((tensor) => ownTensors.find(([name]) => name === tensor[0]) ?? tensor);
  expect(actual.tensors).toEqual(tensors.map(([name, ...tensor]) => [ownName(name), ...tensor]));
  const isSame =
    Object.keys(kv).length === Object.keys(described.kv).length &&
    ownKeys.length === 0 &&
    ownTensors.length === 0 &&
    reference.tensors.every(([name]) => ownName(name) === name);
  if (isSame) expect(actual.sha256).toBe(reference.sha256);
}

describe('shapes-vlm becomes what convert_hf_to_gguf.py makes of it', () => {
  const reference = JSON.parse(readFileSync(fixture('shapes-vlm-reference/gguf.json'), 'utf8')) as Record<
    string,
    GgufDescription
  >;
  test.each(['f32', 'f16', 'bf16', 'q8_0'] as const)('%s', async (outtype) => {
    const { modelPath, mmprojPath, ...result } = await convert(await shapesVlmFolder(), { outtype });
    expect(result).toMatchObject({ architecture: 'Gemma3ForConditionalGeneration', outtype });
    await expectSame(modelPath, reference[`shapes-vlm-${outtype}.gguf`]);
    await expectSame(mmprojPath, reference[`mmproj-shapes-vlm-${outtype}.gguf`]);
  });

  test('auto follows the checkpoint, which is bfloat16', async () => {
    const { modelPath, outtype } = await convert(await shapesVlmFolder(), { outtype: 'auto' });
    expect(outtype).toBe('bf16');
    await expectSame(modelPath, reference['shapes-vlm-bf16.gguf']);
  });
});

/** For whoever adds an architecture. */
const nextStep = [
  'No reference checkpoint has these architectures. Add a small one to FAMILIES in a test/reference/families*.py, then',
  '  python test/reference/describe-checkpoints.py test/fixtures/checkpoints <name>',
  conversionCommands('<name>'),
  '`npm run docs` adds the architecture to README.md.',
].join('\n');

function configOf(checkpoint: (typeof referenceCheckpoints)[string]['checkpoint']): JsonObject {
  const config = checkpoint.files['config.json'] ?? {};
  const text = typeof config === 'string' || Buffer.isBuffer(config) ? config.toString() : JSON.stringify(config);
  return JSON.parse(text) as JsonObject;
}

const configs = Object.values(referenceCheckpoints).map(({ checkpoint }) => configOf(checkpoint));
const held = new Set(configs.map(({ architectures }) => (architectures as readonly string[] | undefined)?.[0]));
const supported = supportedArchitectures();
const notHeld = supported.filter(({ architecture }) => !held.has(architecture));

test('each checkpoint is held in every precision', () => {
  for (const { outtypes } of Object.values(referenceCheckpoints)) {
    expect(outtypes).toEqual(expect.arrayContaining(['f32', 'f16', 'bf16', 'q8_0']));
  }
});

test('each family is held, and each architecture that sees', () => {
  const families = new Set(supported.filter(({ architecture }) => held.has(architecture)).map(({ family }) => family));
  expect(
    notHeld.filter(({ vision, family }) => vision || !families.has(family)),
    nextStep,
  ).toEqual([]);
});

test('a text model that is not held by its own name is declared as one that is', async () => {
  const declared = await Promise.all(configs.map(findDeclarations));
  const declarations = new Set(declared.map(({ text }) => text));
  const own = await Promise.all(
    notHeld.map(async ({ architecture }) => {
      const { text } = await findDeclarations({ architectures: [architecture] });
      return declarations.has(text) ? [] : [architecture];
    }),
  );
  expect(own.flat(), nextStep).toEqual([]);
});

describe.each(Object.entries(referenceCheckpoints))(
  '%s too',
  (name, { checkpoint, outtypes, ownSingles, ...others }) => {
    let reference: ReturnType<typeof readReference> = {};
    let parent = '';
    beforeAll(async () => {
      reference = readReference(name);
      parent = await mkdtemp(join(tmpdir(), 'vserve-reference-'));
      await writeCheckpoint(join(parent, name), checkpoint);
    });
    afterAll(() => rm(parent, { recursive: true, force: true }));
    test.each(outtypes)('%s', async (outtype) => {
      const { modelPath, mmprojPath } = await convert(join(parent, name), { outtype: outtype as Outtype });
      const own = reference['model-f32.gguf']?.tensors.filter(([tensor]) => ownSingles?.includes(tensor));
      await expectSame(modelPath, reference[`model-${outtype}.gguf`], { ...others, ...(ownSingles && own && { own }) });
      await expectSame(mmprojPath, reference[`mmproj-${outtype}.gguf`], { ...others, ownKeys: [] });
    });
  },
);

test('InternVL by the names that it has on the Hub becomes the same', async () => {
  const name = 'internvl3-hf-tiny';
  const { checkpoint } = referenceCheckpoints[name] ?? {};
  if (checkpoint === undefined) throw new Error(`There is no ${name}`);
  const parent = await mkdtemp(join(tmpdir(), 'vserve-reference-'));
  const shapes = new Map(
    Array.from(checkpoint.shapes, ([tensor, shape]) => [
      tensor
        .replace(/^model\.(?=vision_tower|multi_modal)/, '')
        .replace('model.language_model.', 'language_model.model.')
        .replace(/^lm_head/, 'language_model.lm_head'),
      shape,
    ]),
  );
  await writeCheckpoint(join(parent, name), { ...checkpoint, shapes });
  const reference = readReference(name);
  const { modelPath, mmprojPath } = await convert(join(parent, name), { outtype: 'bf16' });
  await expectSame(modelPath, reference['model-bf16.gguf']);
  await expectSame(mmprojPath, reference['mmproj-bf16.gguf']);
  await rm(parent, { recursive: true });
});
