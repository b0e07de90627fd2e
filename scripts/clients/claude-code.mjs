/**
 * Claude Code in its print mode: a question with one tool, and one with all of them, whose prompt of some ten thousand
 * tokens is answered, or refused in the words that it knows. It is large, so it is not among what run.mjs installs:
 *
 *     npm install --prefix <folder> @anthropic-ai/claude-code
 *     node scripts/clients/claude-code.mjs <url> <served name> <folder>
 */
import { execFile } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { require, run } from './checks.mjs';

const [url, model, folder] = process.argv.slice(2);
const program = join(
  folder,
  'node_modules',
  '@anthropic-ai',
  `claude-code-${process.platform}-${process.arch}`,
  'claude',
);
const home = mkdtempSync(join(tmpdir(), 'vserve-claude-code-'));
const env = {
  PATH: process.env.PATH,
  HOME: home,
  ANTHROPIC_BASE_URL: url.replace(/\/v1\/?$/, ''),
  ANTHROPIC_API_KEY: 'none',
  ANTHROPIC_MODEL: model,
  ANTHROPIC_DEFAULT_HAIKU_MODEL: model,
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
  DISABLE_AUTOUPDATER: '1',
};

async function ask(...flags) {
  const asked = promisify(execFile)(program, [...flags, '--print', 'What is in this folder?'], { env, cwd: home });
  asked.child.stdin.end();
  const { stdout } = await asked.catch((error) => error);
  return stdout;
}

await run({
  'a question with one tool': async () => {
    const text = await ask('--tools', 'Read', '--system-prompt', 'Be brief.');
    require(text.trim() !== '' && !text.startsWith('API Error'), text);
  },
  'a question with all tools': async () => {
    const text = await ask();
    require(text.trim() !== '' && !text.startsWith('API Error'), text);
  },
});
