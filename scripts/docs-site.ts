/**
 * Makes a site of docs/ in scripts/site/dist, with a search that works offline. A link that leads nowhere is an error.
 *
 *     npm run docs:site [-- --dev]
 *
 * `--dev` serves the pages instead. VitePress is installed into scripts/site/, apart from what vserve needs.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../backends/node-llama-cpp/installation.ts';
import { scriptArguments } from './arguments.ts';

const repository = 'https://github.com/vserve/vserve/blob/main';
const docs = join(packageRoot, 'docs');
const site = join(packageRoot, 'scripts/site');
const pages = join(site, 'pages');

const { dev } = scriptArguments({ options: { dev: { type: 'boolean', default: false } } }).values;
copyPages();
const isInstalled = existsSync(join(site, 'node_modules', 'vitepress'));
if (isInstalled || npm('ci', '--no-audit', '--no-fund')) npm('run', '--silent', dev ? 'dev' : 'build');

/** Whether it succeeds. Otherwise this script fails, after what npm said. */
function npm(...args: readonly string[]): boolean {
  const { status } = spawnSync('npm', args, { cwd: site, stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
  return status === 0;
}

/** Copies what the site is made of: other files of the repository have their links on GitHub. */
function copyPages(): void {
  rmSync(pages, { recursive: true, force: true });
  mkdirSync(pages);
  copyFileSync(join(site, 'index.md'), join(pages, 'index.md'));
  for (const entry of readdirSync(docs, { withFileTypes: true })) {
    const { name } = entry;
    if (name.endsWith('.md')) writeFileSync(join(pages, name), withLinks(readFileSync(join(docs, name), 'utf8')));
    else if (entry.isFile()) copyFileSync(join(docs, name), join(pages, name));
  }
}

function withLinks(page: string): string {
  return page.replaceAll('](../', `](${repository}/`).replaceAll('](deploy/', `](${repository}/docs/deploy/`);
}
