import { join } from 'node:path';
import { referenceCheckpoints } from './checkpoints.ts';
import { chosenNames } from './chosen-names.ts';
import { writeCheckpoint } from './write-checkpoint.ts';

/** Writes reference checkpoints, all or those named, to folders of their names: the first step of `README.md`. */
const [directory, ...asked] = process.argv.slice(2);
if (directory === undefined) {
  throw new Error('Usage: node dist/test/reference/write-checkpoints.js <directory> [name…]');
}

const names = chosenNames(asked, Object.keys(referenceCheckpoints));
for (const [name, { checkpoint, outtypes }] of Object.entries(referenceCheckpoints)) {
  if (!names.includes(name)) continue;
  await writeCheckpoint(join(directory, name), checkpoint);
  console.log(name, ...outtypes);
}
