/**
 * Asks a server as its users do: with OpenAI's, Anthropic's and Ollama's libraries, with what is built on them, and with
 * programs (Open WebUI, Docling, Claude Code, Codex, …). Each is installed in the version that `environments/` names, into
 * folders of its own below a temporary folder, never into this project:
 *
 *     npm run clients -- [--only openai-js,llm] [--folder <path>] [--url <url> [--model <served name>]] [--list]
 *
 * Without --url it starts servers of its own, with the embedded model. --folder keeps what is installed for the next time.
 * Prints a line for each case and then a table, and ends with 1 if a case has failed. Needs npm, python3 with venv and pip,
 * and for all clients together some 15 GB.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { clientsNamed } from './client-table.mjs';
import { commandOf, install, installedVersion } from './environments.mjs';
import { pictureUri } from './picture.mjs';
import { resultsOf, tableOf } from './results.mjs';
import { checkpoint, roomyCheckpoint, servePicture, startServer } from './server.mjs';

/** A client that takes longer hangs. */
const limitMs = 900_000;

const { values, chosen } = settings();
if (values.list) {
  console.log(chosen.map(({ name }) => name).join('\n'));
  process.exit(0);
}
const folder = values.folder ?? mkdtempSync(join(tmpdir(), 'vserve-clients-'));
const servers = new Map();
const web = values.url === undefined ? await servePicture() : undefined;
const rows = [];
try {
  for (const client of chosen) rows.push(await rowOf(client));
} finally {
  for (const server of servers.values()) await server.stop();
  web?.stop();
}
console.log(`\n${tableOf(rows)}`);
process.exitCode = rows.some(({ cases }) => cases.some(({ outcome }) => outcome === 'failed')) ? 1 : 0;

async function rowOf(client) {
  console.log(`\n${client.name}`);
  try {
    const environment = install(client.environment, folder);
    const version = installedVersion(environment, client.package);
    const asked = await serverFor(client.model ?? 'shapes-vlm');
    const workFolder = mkdtempSync(join(environment, `${client.name}-`));
    const told = { ...asked, picture: pictureUri, pictureUrl: web?.url, checkpoint, folder: workFolder, environment };
    const cases = await ask(commandOf(client, environment), told);
    return { name: client.name, version, cases };
  } catch (error) {
    console.log(`failed  ${error.message}`);
    return { name: client.name, cases: [{ outcome: 'failed', text: error.message.split('\n')[0] }] };
  }
}

/** Where a model is served, and under which name. */
async function serverFor(model) {
  if (values.url !== undefined) return { url: values.url, model: values.model ?? (await servedModel(values.url)) };
  const isRoomy = model === 'roomy';
  const name = isRoomy ? 'shapes-vlm-roomy' : 'shapes-vlm';
  if (!servers.has(name)) {
    const flags = isRoomy ? ['--max-batch-size', '2'] : ['--embeddings'];
    mkdirSync(folder, { recursive: true });
    const path = isRoomy ? roomyCheckpoint(folder) : checkpoint;
    servers.set(name, await startServer({ model: path, name, folder: join(folder, `server-${name}`), flags }));
  }
  return { url: servers.get(name).url, model: name };
}

async function servedModel(url) {
  const { data } = await (await fetch(`${url}/models`)).json();
  return data[0].id;
}

async function ask([command, ...parameters], told) {
  const env = { ...process.env, CLIENT_SETTINGS: JSON.stringify(told), PYTHONDONTWRITEBYTECODE: '1' };
  const log = join(told.folder, 'stderr.log');
  const child = spawn(command, parameters, { cwd: told.folder, env, stdio: ['ignore', 'pipe', openSync(log, 'w')] });
  const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text;
    process.stdout.write(text);
  });
  const [status, signal] = await new Promise((resolve, reject) => {
    child.once('close', (...ended) => resolve(ended)).once('error', reject);
  });
  clearTimeout(timer);
  const cases = resultsOf(output, { status, signal });
  if (cases.some(({ outcome }) => outcome === 'failed')) console.log(`See ${log}`);
  return cases;
}

/** The arguments; ends with the usage where it is asked for, or where they are wrong. */
function settings() {
  const types = { url: 'string', model: 'string', folder: 'string', only: 'string', list: 'boolean', help: 'boolean' };
  const options = Object.fromEntries(Object.entries(types).map(([name, type]) => [name, { type }]));
  let read;
  try {
    const { values } = parseArgs({ options });
    read = { values, chosen: clientsNamed((values.only ?? '').split(',').filter((name) => name !== '')) };
  } catch (error) {
    console.error(`${error.message}\n\n${usage()}`);
    process.exit(2);
  }
  if (read.values.help !== true) return read;
  console.log(usage());
  return process.exit(0);
}

/** The comment that this file begins with. */
function usage() {
  const [, comment] = /^\/\*\*([^]*?)\*\//.exec(readFileSync(import.meta.filename, 'utf8'));
  return comment.replaceAll(/^ \* ?/gm, '').trim();
}
