import { join } from 'node:path';
import { referenceCheckpoints } from './checkpoints.ts';
import { writeCheckpoint } from './write-checkpoint.ts';

/** Writes reference checkpoints, all or those named, to folders of their names: the first step of `README.md`. */
const [directory, ...names] = process.argv.slice(2);
if (directory === undefined) {
  throw new Error('Usage: node dist/scripts/reference/write-checkpoints.js <directory> [name…]');
}

for (const [name, { checkpoint, outtypes }] of Object.entries(referenceCheckpoints)) {
  if (names.length > 0 && !names.includes(name)) continue;
  await writeCheckpoint(join(directory, name), checkpoint);
  console.log(name, ...outtypes);
}
