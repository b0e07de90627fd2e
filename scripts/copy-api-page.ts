/** Copies Swagger UI to where the server has it, as a step of the build: installations need no package for it. */
import { copyFile, mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { scriptArguments } from './arguments.ts';

scriptArguments({ options: {} });

const source = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
const destination = join(import.meta.dirname, '../src/server/openapi/swagger-ui');

await mkdir(destination, { recursive: true });
for (const name of [
  'swagger-ui.css',
  'swagger-ui-bundle.js',
  'swagger-ui-bundle.js.LICENSE.txt',
  'LICENSE',
  'NOTICE',
]) {
  await copyFile(join(source, name), join(destination, name));
}
