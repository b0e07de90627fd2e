/**
 * Updates the table of architectures in docs/models.md from the registry. After adding one, run
 *
 *     npm run docs
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { scriptArguments } from './arguments.ts';
import { withGeneratedPart } from './generated-part.ts';
import { supportedArchitectures } from '../src/convert/index.ts';
import { realCheckpoints } from '../test/reference/real-checkpoints.ts';

/** docs/models.md with an up-to-date table. Throws if its place is not marked. */
export function withArchitectureTable(document: string): string {
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
  return withGeneratedPart(document, 'architectures', `${table}\n\n${legend}`);
}

if (process.argv[1] === import.meta.filename) {
  scriptArguments({});
  const path = join(import.meta.dirname, '..', '..', 'docs', 'models.md');
  await writeFile(path, withArchitectureTable(await readFile(path, 'utf8')));
}
