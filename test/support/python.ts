import { execFile } from 'node:child_process';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const requirement = { name: 'openai', version: '3.54.0' };

/** A Python of its own with OpenAI's SDK, made once and kept with the other caches of node_modules. */
export async function pythonWithOpenAI(): Promise<string> {
  const folder = join(import.meta.dirname, '../../node_modules/.cache/vserve-python');
  const check = `import importlib.metadata as m; assert m.version("${requirement.name}") == "${requirement.version}"`;
  try {
    await run(pythonOf(folder), ['-c', check]);
  } catch {
    await make(folder);
  }
  return pythonOf(folder);
}

/** Several test files may do this at the same time: the first to end wins. */
async function make(folder: string): Promise<void> {
  const own = `${folder}.${String(process.pid)}`;
  await run(process.platform === 'win32' ? 'python' : 'python3', ['-m', 'venv', '--clear', own]);
  const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
  await run(pythonOf(own), [...install, `${requirement.name}==${requirement.version}`]);
  await rm(folder, { recursive: true, force: true });
  await rename(own, folder).catch(() => rm(own, { recursive: true }));
}

function pythonOf(folder: string): string {
  return join(folder, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
}
