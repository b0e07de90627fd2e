/**
 * Compiles `src/convert/quantize/q8-0.wat` to WebAssembly, and writes its bytes into the module beside it. After
 * changing the source, run
 *
 *     npm run build:wasm
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { scriptArguments } from './arguments.ts';
import { compileWat } from './compile-wat.ts';

scriptArguments({});
const folder = join('src', 'convert', 'quantize');
const base64 = Buffer.from(await compileWat(await readFile(join(folder, 'q8-0.wat'), 'utf8'))).toString('base64');
const lines = base64.match(/.{1,100}/g) ?? [];
await writeFile(
  join(folder, 'q8-0-kernel.ts'),
  `/** \`q8-0.wat\`, compiled by \`npm run build:wasm\`: do not edit. */
export const kernelBase64 =
${lines.map((line) => `  '${line}'`).join(' +\n')};
`,
);
