/**
 * Where clients are installed: a folder for each environment, with npm's packages of `environments/<name>/package.json` or
 * a Python of its own with those of `environments/<name>.txt`. What is there already is kept while these files are the same.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const here = import.meta.dirname;

/** The folder of an environment, with everything installed. Throws if it cannot be installed. */
export function install(name, parent) {
  const folder = join(parent, name);
  mkdirSync(folder, { recursive: true });
  const isPython = existsSync(join(here, 'environments', `${name}.txt`));
  const wanted = readFileSync(join(here, 'environments', isPython ? `${name}.txt` : `${name}/package.json`), 'utf8');
  const stamp = join(folder, 'installed');
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
    rmSync(stamp, { force: true });
    console.error(`Installing ${name} …`);
    if (isPython) installPython(name, folder);
    else installNpm(name, folder);
    writeFileSync(stamp, wanted);
  }
  if (!isPython) cpSync(join(here, 'javascript'), folder, { recursive: true });
  return folder;
}

/** Which version of a package an environment has. */
export function installedVersion(folder, name) {
  const manifest = join(folder, 'node_modules', name, 'package.json');
  if (existsSync(manifest)) return JSON.parse(readFileSync(manifest, 'utf8')).version;
  const libraries = join(folder, 'venv', 'lib');
  const python = existsSync(libraries) ? readdirSync(libraries).find((entry) => entry.startsWith('python')) : undefined;
  if (python === undefined) return undefined;
  return readdirSync(join(libraries, python, 'site-packages'))
    .map((entry) => /^(.+?)-([^-]+)\.dist-info$/.exec(entry))
    .find((entry) => entry !== null && normalized(entry[1]) === normalized(name))?.[2];
}

/** A name of a Python package, which may be written in several ways. */
function normalized(name) {
  return name.toLowerCase().replaceAll(/[-_.]+/g, '_');
}

/** What runs a client's script, and the script. */
export function commandOf({ script }, folder) {
  return script.endsWith('.py')
    ? [join(folder, 'venv', 'bin', 'python'), join(here, 'python', script)]
    : [process.execPath, join(folder, script)];
}

function installNpm(name, folder) {
  cpSync(join(here, 'environments', name, 'package.json'), join(folder, 'package.json'));
  // Within npm's own scripts, its prefix would be this project.
  execute('npm', ['install', '--prefix', folder, '--no-audit', '--no-fund'], folder);
}

function installPython(name, folder) {
  const venv = join(folder, 'venv');
  const python = join(venv, 'bin', 'python');
  const requirements = join(here, 'environments', `${name}.txt`);
  if (!existsSync(venv)) execute('python3', ['-m', 'venv', venv], folder);
  // The same, several times as fast.
  if (hasUv()) execute('uv', ['pip', 'install', '--python', python, '-r', requirements], folder);
  else execute(python, ['-m', 'pip', 'install', '--disable-pip-version-check', '-r', requirements], folder);
}

function hasUv() {
  return spawnSync('uv', ['--version'], { stdio: 'ignore' }).status === 0;
}

function execute(command, parameters, cwd) {
  try {
    execFileSync(command, parameters, { cwd, stdio: ['ignore', 'ignore', 'pipe'], maxBuffer: 64 * 1024 * 1024 });
  } catch (error) {
    const said = String(error.stderr ?? '')
      .trim()
      .split('\n')
      .filter((line) => /error|ERR/i.test(line));
    throw new Error(said.at(-1) ?? error.message, { cause: error });
  }
}
