import { execFile, spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';

import { temporaryFolder } from './run-vserve.ts';

const bin = join(import.meta.dirname, '../../bin/vserve.js');
const run = promisify(execFile);

async function script(shell: string): Promise<string> {
  return (await run(process.execPath, [bin, 'completion', shell])).stdout;
}

describe.runIf(spawnSync('bash', ['--version']).status === 0)('in bash', () => {
  let bash = '';
  beforeAll(async () => {
    bash = await script('bash');
  });

  async function complete(...words: readonly string[]): Promise<string[]> {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'model.gguf'), '');
    const line = `${bash}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); compopt() { :; }; _vserve; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout } = await run('bash', ['-c', line, 'bash', 'vserve', ...words], { cwd: folder });
    return stdout.trim().split('\n');
  }

  test.each<readonly [readonly string[], readonly string[]]>([
    [['ser'], ['serve']],
    [['serve', '--port'], ['--port']],
    [['serve', '--no-enable-prefix'], ['--no-enable-prefix-caching']],
    [['serve', '--log-level', 'W'], ['WARNING']],
    [['serve', '--kv-cache-format', 'q8'], ['q8_0']],
    [['serve', '--model', 'mod'], ['model.gguf']],
    [['serve', 'mod'], ['model.gguf']],
    [['serve', '--port', ''], ['']],
    [['generate', '--image_'], ['']],
    [['stop', '--f'], ['--force']],
    [['warm-cache', '--dry'], ['--dry-run']],
  ])('%j gives %j', async (words, expected) => {
    expect(await complete(...words)).toEqual(expected);
  });
});

test.each(['zsh', 'fish'])('%s is told every verb, and what an option takes', async (shell) => {
  const text = await script(shell);
  const { stdout: help } = await run(process.execPath, [bin, '--help']);
  const [, commands = ''] = help.split('Commands:');
  const verbs = [...commands.matchAll(/^ {2}([a-z-]+)/gm)]
    .map(([, verb = '']) => verb)
    .filter((verb) => verb !== 'help');
  expect(verbs.length).toBeGreaterThan(12);
  for (const verb of verbs) expect(text).toContain(shell === 'zsh' ? `'${verb}:` : `-a ${verb} -d`);
  expect(text).toMatch(
    shell === 'zsh'
      ? /'--log-level\[[^\]]+\]:level:\(DEBUG INFO WARNING ERROR\)'/
      : /-l log-level -x -a 'DEBUG INFO WARNING ERROR'/,
  );
  const check = spawnSync(shell, ['-n'], { input: text });
  if (check.error === undefined) expect(check.stderr.toString()).toBe('');
});

test('another shell is a mistake', async () => {
  await expect(script('tcsh')).rejects.toMatchObject({ code: 2, stderr: expect.stringMatching(/bash, zsh, fish/) });
});
