/**
 * Compares the engine with llama-server, family by family: checkpoints of random weights whose answers depend on what
 * they see are converted, loaded on both sides, and asked the same, greedily, about one, two and three images.
 *
 *     node dist/scripts/compare-engine.js --peer <folder of llama-server> [--write <file.json>]
 *       [--mmproj-encoding auto] [name…]
 *
 * Prints a line per family: how many answers and prompt lengths are equal, how many answers are distinct (few would be if
 * the image had no influence), and the smallest difference of two logits that decided an answer. `--write` saves
 * llama-server's answers for test/backends/node-llama-cpp/families.test.ts.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { scriptArguments, usageError } from './arguments.ts';
import backend from '../backends/node-llama-cpp/index.ts';
import { LoadedLlama } from '../backends/node-llama-cpp/loaded-llama.ts';
import { readProjectorHeader } from '../backends/node-llama-cpp/model-header.ts';
import type { Bitmap, MmprojEncoding, ModelFiles } from '../src/backend/index.ts';
import { convertCheckpoint } from '../src/convert/index.ts';
import type { Outtype } from '../src/convert/index.ts';
import { ask } from '../test/engine/ask.ts';
import type { OwnAnswer } from '../test/engine/ask.ts';
import { areShownPlain, conversationsOf } from '../test/engine/conversations.ts';
import { denormalizer } from '../test/engine/faithful-model.ts';
import {
  askLlamaServer,
  peerAttendsInSingles,
  peerCheckpoint,
  peerMmprojOuttypeOf,
  startLlamaServer,
  surroundingsOf,
} from '../test/engine/llama-server.ts';
import type { PeerAnswer } from '../test/engine/llama-server.ts';
import { peerProjector } from '../test/engine/peer-projector.ts';
import { seeingCheckpoint, seeingNames } from '../test/engine/seeing-checkpoints.ts';
import { chosenNames } from '../test/reference/chosen-names.ts';
import { writeCheckpoint } from '../test/reference/write-checkpoint.ts';
import type { SyntheticCheckpoint } from '../test/reference/write-checkpoint.ts';
import { defaultLoadSettings } from '../src/settings/index.ts';

const { values: options, positionals } = scriptArguments({
  allowPositionals: true,
  options: {
    peer: { type: 'string' },
    write: { type: 'string' },
    'mmproj-encoding': { type: 'string', default: 'auto' },
  },
});
const peerDir = options.peer;
if (peerDir === undefined) usageError('--peer is required: the folder of llama-server');
const names = chosenNames(positionals, seeingNames);
const mmprojEncoding = options['mmproj-encoding'] as MmprojEncoding;
const { signal } = new AbortController();
const onProgress = (): void => undefined;

/** Converts a checkpoint into a folder named after it. */
async function filesOf(
  folder: string,
  name: string,
  checkpoint: SyntheticCheckpoint,
  mmprojOuttype: Outtype = 'f32',
): Promise<ModelFiles> {
  const sourceDir = join(folder, name);
  await writeCheckpoint(sourceDir, checkpoint);
  return convertCheckpoint({ sourceDir, destinationDir: folder, outtype: 'f32', mmprojOuttype, onProgress, signal });
}

/**
 * An image as vserve's processor prepares it, if that is one image: llama-server, which has processors of its own, then
 * leaves it unchanged. It still has to cut tiles itself.
 */
async function prepared(name: string, model: LoadedLlama, picture: Bitmap): Promise<Bitmap> {
  if (areShownPlain(name)) return picture;
  const [input, ...tiles] = await model.inspectImage(picture);
  if (input === undefined || tiles.length > 0) return picture;
  const { width, height } = input;
  return { width, height, rgb: denormalizer(name)(input), id: picture.id };
}

async function compare(name: string, folder: string, peerDir: string): Promise<PeerAnswer[]> {
  const conversations = conversationsOf(name);
  const checkpoint = seeingCheckpoint(name);
  const files = await filesOf(folder, name, checkpoint);
  const attendsInSingles = peerAttendsInSingles(name);
  const settings = {
    ...defaultLoadSettings,
    ...(attendsInSingles && { kvCacheFormat: 'f32' as const }),
    devices: 'cpu',
    maxLength: 8192,
    maxBatchSize: 1,
    threads: 1,
    mmprojEncoding,
  };
  const model = await backend.load(files, settings, { onProgress, log: () => undefined, signal });
  if (!(model instanceof LoadedLlama)) throw new Error('not a model of node-llama-cpp');
  const ours: OwnAnswer[] = [];
  for (const messages of conversations) ours.push(await ask(model, messages));

  const peerFiles = await filesOf(folder, `${name}-peer`, peerCheckpoint(checkpoint), peerMmprojOuttypeOf(name));
  const { type: projectorType } = await readProjectorHeader(peerFiles.mmprojPath ?? '');
  const mmprojPath = await peerProjector(peerFiles.mmprojPath ?? '', projectorType);
  const server = await startLlamaServer(peerDir, { ...peerFiles, mmprojPath }, attendsInSingles);
  const theirs: PeerAnswer[] = [];
  try {
    const placement = surroundingsOf(projectorType);
    const shown = (picture: Bitmap): Promise<Bitmap> => prepared(name, model, picture);
    for (const messages of conversations) theirs.push(await askLlamaServer(server.url, messages, placement, shown));
  } finally {
    await server.stop();
    await model.close();
  }

  const differences = theirs.filter(
    ({ text, promptTokens }, i) => text !== ours[i]?.text || promptTokens !== ours[i].promptTokens,
  );
  const distinct = new Set(theirs.map(({ text }) => text)).size;
  const margin = Math.min(...theirs.map(({ smallestMargin }) => smallestMargin));
  const same = `${String(theirs.length - differences.length)} of ${String(theirs.length)}`;
  console.log(`${name.padEnd(24)} same ${same}, ${String(distinct)} distinct, smallest margin ${margin.toFixed(3)}`);
  for (const answer of differences) {
    console.log('  llama-server', JSON.stringify(answer));
    console.log('  vserve      ', JSON.stringify(ours[theirs.indexOf(answer)]));
  }
  return theirs;
}

const kept: Record<string, PeerAnswer[]> = {};
for (const name of names) {
  const folder = await mkdtemp(join(tmpdir(), 'vserve-compare-'));
  try {
    kept[name] = await compare(name, folder, peerDir);
  } finally {
    await rm(folder, { recursive: true });
  }
}
if (options.write !== undefined) await writeFile(options.write, `${JSON.stringify(kept, undefined, 1)}\n`);
