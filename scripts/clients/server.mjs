/** The server that clients ask, and a web server with a picture for it to fetch. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { pictureBytes } from './picture.mjs';

const repository = join(import.meta.dirname, '..', '..');
export const checkpoint = join(repository, 'test', 'models', 'shapes-vlm');
const roomyTokens = 65_536;

/** Starts the built vserve on a checkpoint; its log goes to `<folder>/server.log`. Resolves when it is ready. */
export async function startServer({ model, name, folder, flags = [] }) {
  mkdirSync(folder, { recursive: true });
  const where = ['--host', '127.0.0.1', '--port', '0', '--metrics-endpoint-port', 'off'];
  const what = ['--model', model, '--served-model-name', name, '--media-url-allowed-host', '127.0.0.1'];
  const child = spawn(process.execPath, [join(repository, 'bin', 'vserve.js'), 'serve', ...where, ...what, ...flags], {
    cwd: folder,
    env: { ...plainEnvironment(), VSERVE_HOME: join(folder, 'models') },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  const log = [];
  const url = await new Promise((resolve, reject) => {
    const listen = (text) => {
      log.push(text);
      writeFileSync(join(folder, 'server.log'), log.join(''));
      const ready = /Server ready on (\S+)/.exec(log.join(''));
      if (ready !== null) resolve(ready[1]);
    };
    child.stdout.setEncoding('utf8').on('data', listen);
    child.stderr.setEncoding('utf8').on('data', listen);
    exited.then(() => reject(new Error(`vserve ended before it was ready:\n${log.join('')}`)), reject);
  });
  return {
    url: `${url}/v1`,
    stop: async () => {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

/** The environment without variables that configure the server. */
function plainEnvironment() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(MAX_SERVE_|VSERVE_)/.test(name)));
}

/** A copy of the embedded model whose context is large enough for the prompts of agents. */
export function roomyCheckpoint(folder) {
  const copy = join(folder, 'shapes-vlm-roomy');
  if (existsSync(copy)) return copy;
  const config = JSON.parse(readFileSync(join(checkpoint, 'config.json'), 'utf8'));
  config.text_config.max_position_embeddings = roomyTokens;
  cpSync(checkpoint, `${copy}.part`, { recursive: true });
  writeFileSync(join(`${copy}.part`, 'config.json'), JSON.stringify(config));
  renameSync(`${copy}.part`, copy);
  return copy;
}

/** Serves the picture over HTTP, on this machine alone. */
export async function servePicture() {
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'image/png', 'content-length': pictureBytes.length }).end(pictureBytes);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { url: `http://127.0.0.1:${server.address().port}/picture.png`, stop: () => server.close() };
}
