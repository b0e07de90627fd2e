/**
 * Updates the table of architectures in README.md from the registry. After adding one, run
 *
 *     npm run docs
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { scriptArguments } from './arguments.ts';
import { supportedArchitectures } from '../src/convert/index.ts';
import { realCheckpoints } from '../test/reference/real-checkpoints.ts';

/** What encloses the table in README.md. */
const [start, end] = ['<!-- architectures: npm run docs -->', '<!-- /architectures -->'];

/** README.md with an up-to-date table. Throws if its place is not marked. */
export function withArchitectureTable(readme: string): string {
  const [before, rest] = readme.split(start);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) throw new Error(`README.md has no "${start}" and "${end}".`);
  const architectures = supportedArchitectures();
  const families = [...new Set(architectures.map(({ family }) => family))].toSorted();
  const named = Object.values(realCheckpoints()).filter(({ tensors }) => tensors.length > 0);
  const real = new Set(named.flatMap(({ files }) => files['config.json']?.architectures ?? []));
  const row = (family: string): string => {
    const namesOf = (vision: boolean): string =>
      architectures
        .filter((one) => one.family === family && one.vision === vision)
        .map(({ architecture }) => `\`${architecture}\`${real.has(architecture) ? ' ✓' : ''}`)
        .join(', ');
    return `| ${family} | ${namesOf(true)} | ${namesOf(false)} |`;
  };
  const table = ['| family | with vision | text only |', '|---|---|---|', ...families.map(row)].join('\n');
  const legend = '✓ also tested with the configuration and the tensor names of a published checkpoint.';
  return `${before}${start}\n\n${table}\n\n${legend}\n\n${end}${after}`;
}

if (process.argv[1] === import.meta.filename) {
  scriptArguments({});
  const path = join(import.meta.dirname, '..', '..', 'README.md');
  await writeFile(path, withArchitectureTable(await readFile(path, 'utf8')));
}
