/**
 * Holds the engine against llama-server, family by family: checkpoints of random weights that answer by what they see
 * are converted, loaded on both sides, and asked the same, greedily, about one, two and three pictures.
 *
 *     node dist/scripts/compare-engine.js --peer <folder of llama-server> [--write <file.json>]
 *       [--mmproj-encoding auto] [--side <pixels>] [name…]
 *
 * A line for each family says how many answers and prompt lengths are the same, how many answers differ from each other
 * (when the picture did not count, few would), and the least difference of two logits that an answer hung on. `--write`
 * keeps llama-server's answers, for test/backends/node-llama-cpp/families.test.ts. `--side` asks about squares, for families
 * of whose other pictures llama-server makes something else.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import backend from '../backends/node-llama-cpp/index.ts';
import { projectorTypeOf } from '../backends/node-llama-cpp/projector-type.ts';
import type { MmprojEncoding } from '../src/backend/index.ts';
import { convertCheckpoint } from '../src/convert/index.ts';
import { ask } from './engine/ask.ts';
import type { OwnAnswer } from './engine/ask.ts';
import { conversationsFor } from './engine/conversations.ts';
import { askLlamaServer, startLlamaServer, surroundingsOf } from './engine/llama-server.ts';
import type { PeerAnswer } from './engine/llama-server.ts';
import { peerProjector } from './engine/peer-projector.ts';
import { seeingCheckpoint, seeingNames } from './engine/seeing-checkpoints.ts';
import { writeCheckpoint } from './reference/write-checkpoint.ts';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    peer: { type: 'string' },
    write: { type: 'string' },
    'mmproj-encoding': { type: 'string', default: 'auto' },
    side: { type: 'string' },
  },
});
const peerDir = options.peer;
if (peerDir === undefined) throw new Error('--peer is needed: the folder with llama-server');
const mmprojEncoding = options['mmproj-encoding'] as MmprojEncoding;
const asked = options.side === undefined ? conversations : squareConversations(Number(options.side));
const { signal } = new AbortController();
const onProgress = (): void => undefined;

async function compare(name: string, folder: string, peerDir: string): Promise<PeerAnswer[]> {
  const sourceDir = join(folder, name);
  await writeCheckpoint(sourceDir, seeingCheckpoint(name));
  const files = await convertCheckpoint({ sourceDir, destinationDir: folder, outtype: 'f32', onProgress, signal });
  const { modelPath, mmprojPath } = files;
  if (mmprojPath === undefined) throw new Error(`${name} made no mmproj`);

  const projectorType = await projectorTypeOf(mmprojPath);
  const peerMmprojPath = await peerProjector(mmprojPath, projectorType);
  const server = await startLlamaServer(peerDir, { modelPath, mmprojPath: peerMmprojPath });
  const conversations = conversationsFor(name);
  const theirs: PeerAnswer[] = [];
  try {
    const placement = surroundingsOf(projectorType);
    for (const messages of conversations) theirs.push(await askLlamaServer(server.url, messages, placement));
  } finally {
    await server.stop();
  }

  const settings = { devices: 'cpu', maxLength: 8192, maxBatchSize: 1, mmprojEncoding };
  const model = await backend.load({ modelPath, mmprojPath }, settings, { onProgress, log: () => undefined, signal });
  const ours: OwnAnswer[] = [];
  for (const messages of asked) ours.push(await ask(model, messages));
  await model.close();

  const differences = theirs.filter(
    ({ text, promptTokens }, i) => text !== ours[i]?.text || promptTokens !== ours[i].promptTokens,
  );
  const distinct = new Set(theirs.map(({ text }) => text)).size;
  const margin = Math.min(...theirs.map(({ smallestMargin }) => smallestMargin));
  const same = `${String(theirs.length - differences.length)} of ${String(theirs.length)}`;
  console.log(`${name.padEnd(24)} same ${same}, ${String(distinct)} distinct, least margin ${margin.toFixed(3)}`);
  for (const answer of differences) {
    console.log('  llama-server', JSON.stringify(answer));
    console.log('  vserve      ', JSON.stringify(ours[theirs.indexOf(answer)]));
  }
  return theirs;
}

const kept: Record<string, PeerAnswer[]> = {};
for (const name of positionals.length > 0 ? positionals : seeingNames) {
  const folder = await mkdtemp(join(tmpdir(), 'vserve-compare-'));
  try {
    kept[name] = await compare(name, folder, peerDir);
  } finally {
    await rm(folder, { recursive: true });
  }
}
if (options.write !== undefined) await writeFile(options.write, `${JSON.stringify(kept, undefined, 1)}\n`);
