import { existsSync, readFileSync } from 'node:fs';
import { fixture } from '../../reference/checkpoints.ts';
import type { GgufDescription } from './describe-gguf.ts';

/** What llama.cpp's converter makes of a checkpoint of `test/reference`, by the names of the files. */
export function readReference(name: string): Readonly<Record<string, GgufDescription>> {
  const path = fixture(`convert-reference/${name}.json`);
  if (!existsSync(path)) throw new Error(`${path} is missing. To make it:\n${conversionCommands(name)}`);
  return JSON.parse(readFileSync(path, 'utf8')) as Record<string, GgufDescription>;
}

/** The commands that write down the reference conversion of a checkpoint. */
export function conversionCommands(name: string): string {
  return [
    `  npm run build:ts && node dist/test/reference/write-checkpoints.js checkpoints ${name} |`,
    `    python test/reference/describe.py path/to/llama.cpp checkpoints test/fixtures/convert-reference ${name}`,
    'test/reference/README.md says what they need.',
  ].join('\n');
}
