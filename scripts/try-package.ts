/**
 * Installs packed tarballs as a user would and tries them: in an empty folder whose path has spaces and letters outside
 * ASCII, run as a user who is not root (where this is run as root), with a home that cannot be written and a PATH with
 * nothing but node. `pull`, `serve` (from that PATH, and by `npm exec`) and `generate` must work with the embedded model.
 *
 *     npm run package && node dist/scripts/try-package.js [--packages packages] [--keep]
 *
 * npm fetches the dependencies from the registry. `--keep` leaves the folder there.
 */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { hostedFolder, startLoopbackHub } from '../test/support/loopback-hub.ts';
import { scriptArguments } from './arguments.ts';
import { Sandbox } from './package/sandbox.ts';
import { packageRoot } from '../backends/node-llama-cpp/installation.ts';

const { values } = scriptArguments({
  options: { packages: { type: 'string', default: 'packages' }, keep: { type: 'boolean', default: false } },
});
const tarballs = readdirSync(resolve(values.packages))
  .filter((name) => name.endsWith('.tgz'))
  .map((name) => join(resolve(values.packages), name));
if (tarballs.length < 2) throw new Error(`${values.packages} needs the tarballs of vserve and of this platform.`);
const repository = 'vserve/shapes-vlm';
const picture = join(packageRoot, 'test/fixtures/shapes-vlm-reference/031-0.png');

const folder = mkdtempSync(join(tmpdir(), 'vserve-try-'));
chmodSync(folder, 0o755);
const sandbox = new Sandbox(join(folder, 'Mes modèles à côté 模型'));
try {
  await tryPackages();
} finally {
  if (values.keep) console.log(folder);
  else rmSync(folder, { recursive: true, force: true });
}

async function tryPackages(): Promise<void> {
  install();
  const hub = await startLoopbackHub({
    repository,
    files: hostedFolder(join(packageRoot, 'test/models/shapes-vlm')),
  });
  const settings = { VSERVE_HOME: sandbox.writableDir, HF_ENDPOINT: hub.url };
  try {
    report('pull', await sandbox.run(['pull', repository], settings));
    const image = ['--image', join(sandbox.projectDir, 'picture.png'), '--prompt', 'What is in this image?'];
    report('generate', await sandbox.run(['generate', repository, ...image, '--devices', 'cpu'], settings));
  } finally {
    await hub.close();
  }
  const model = findModel();
  report('serve', await sandbox.askServer(['serve', ...model, '--devices', 'cpu'], 'node'));
  report('npm exec', await sandbox.askServer(['serve', ...model, '--devices', 'cpu'], 'npm'));
}

function install(): void {
  mkdirSync(sandbox.projectDir);
  writeFileSync(join(sandbox.projectDir, 'package.json'), '{ "private": true }\n');
  writeFileSync(join(sandbox.projectDir, 'picture.png'), readFileSync(picture));
  sandbox.install(tarballs);
  symlinkSync(process.execPath, join(sandbox.pathDir, basename(process.execPath)));
}

/** The files that `pull` has made, given by their paths: nothing has to be written to serve them. */
function findModel(): string[] {
  const converted = join(sandbox.writableDir, 'converted');
  const [name = ''] = readdirSync(converted);
  const files = join(converted, name);
  return ['--model', join(files, 'model.gguf'), '--mmproj', join(files, 'mmproj.gguf')];
}

function report(step: string, output: string): void {
  console.log(`${step}: ${output.trim().split('\n').at(-1) ?? ''}`);
}
