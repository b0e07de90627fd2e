/**
 * Builds the playground, the page that browsers find at `/`, as a step of the build: from src/playground to where the
 * server has it, with the licences of the libraries in it.
 *
 *     node dist/scripts/build-playground.js [--if-changed]
 *
 * With `--if-changed`, only if the sources are newer than what is there.
 */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { scriptArguments } from './arguments.ts';

const root = join(import.meta.dirname, '../../src/playground');
const outDir = join(import.meta.dirname, '../src/server/playground/page');

const { values } = scriptArguments({ options: { 'if-changed': { type: 'boolean' } } });
if (values['if-changed'] !== true || (await isChanged())) await buildPage();

/** Whether any source is newer than the page. */
async function isChanged(): Promise<boolean> {
  const builtMs = await changedMs(join(outDir, 'index.html')).catch(() => 0);
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const times = await Promise.all(entries.map((entry) => changedMs(join(entry.parentPath, entry.name))));
  return times.some((time) => time > builtMs);
}

async function changedMs(path: string): Promise<number> {
  return (await stat(path)).mtimeMs;
}

async function buildPage(): Promise<void> {
  const { build } = await import('vite');
  await build({
    root,
    configFile: false,
    logLevel: 'warn',
    // The page may be served under any path.
    base: './',
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    build: {
      outDir,
      emptyOutDir: true,
      // The path of the server's route, which has the names of what is in there.
      assetsDir: 'playground',
      license: { fileName: 'LICENSES.md' },
      // Nothing inline: the page's policy would refuse it.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
    },
  });
}
