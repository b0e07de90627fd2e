import { join } from 'node:path';
import { adaptedFamilies, besideOthers, familyAdapter, merged, writeAdapter } from './adapters.ts';

/** Writes the reference adapters to folders of their names: see `README.md`. */
const [directory, checkpoints] = process.argv.slice(2);
if (directory === undefined || checkpoints === undefined) {
  throw new Error('Usage: node dist/test/reference/write-adapters.js <directory> <directory of checkpoints>');
}

for (const [name, adapter] of Object.entries({ ...besideOthers, ...merged })) {
  await writeAdapter(join(directory, name), adapter, adapter.base);
  console.log(name, adapter.base);
}
for (const family of adaptedFamilies) {
  const name = `${family}-adapter`;
  await writeAdapter(join(directory, name), await familyAdapter(family, join(checkpoints, family)), family);
  console.log(name, family);
}
