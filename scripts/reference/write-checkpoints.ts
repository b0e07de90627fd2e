import { join } from 'node:path';
import { referenceCheckpoints } from './checkpoints.ts';
import { writeCheckpoint } from './write-checkpoint.ts';

/** Writes every reference checkpoint to a folder of its name below the one given: the first step of `README.md`. */
const [directory] = process.argv.slice(2);
if (directory === undefined) throw new Error('Usage: node dist/scripts/reference/write-checkpoints.js <directory>');

for (const [name, { checkpoint, outtypes }] of Object.entries(referenceCheckpoints)) {
  await writeCheckpoint(join(directory, name), checkpoint);
  console.log(name, ...outtypes);
}
