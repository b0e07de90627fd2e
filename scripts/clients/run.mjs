/**
 * Asks a running server for what agents and extraction pipelines need, with the libraries that they use. The libraries are
 * installed into a folder (a new one below the temporary folder, unless named), never into this project:
 *
 *     vserve serve --model test/models/shapes-vlm
 *     node scripts/clients/run.mjs [--url http://127.0.0.1:8000/v1] [--model <served name>] [--folder <path>]
 *
 * Prints a line for each check, and ends with 1 if one has failed. Python's part needs python3 with venv and pip.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { picture } from './picture.mjs';

const here = import.meta.dirname;
const { values } = parseArgs({
  options: { url: { type: 'string' }, model: { type: 'string' }, folder: { type: 'string' } },
});
const url = values.url ?? 'http://127.0.0.1:8000/v1';
const folder = values.folder ?? mkdtempSync(join(tmpdir(), 'vserve-clients-'));
const model = values.model ?? (await servedModel());

install();
let failed = false;
for (const script of ['openai-js', 'ai-sdk', 'langchain-js', 'anthropic-js', 'ai-sdk-anthropic'])
  check(process.execPath, `${script}.mjs`, [url, model]);
for (const script of ['clients', 'anthropic_clients', 'ollama_clients']) {
  check(join(folder, 'venv', 'bin', 'python'), `${script}.py`, [url, model, picture]);
}
process.exitCode = failed ? 1 : 0;

async function servedModel() {
  const { data } = await (await fetch(`${url}/models`)).json();
  return data[0].id;
}

function install() {
  cpSync(here, folder, { recursive: true });
  const options = { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] };
  if (!existsSync(join(folder, 'node_modules'))) execFileSync('npm', ['install', '--no-audit', '--no-fund'], options);
  const venv = join(folder, 'venv');
  if (existsSync(venv)) return;
  execFileSync('python3', ['-m', 'venv', venv], options);
  execFileSync(join(venv, 'bin', 'pip'), ['install', '--quiet', '-r', 'requirements.txt'], options);
}

function check(command, script, parameters) {
  console.log(`\n${script}`);
  const { status } = spawnSync(command, [script, ...parameters], { cwd: folder, stdio: 'inherit' });
  if (status !== 0) failed = true;
}
