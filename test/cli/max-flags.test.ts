import { beforeEach, expect, test } from 'vitest';
import { maxBenchmarkFlags, maxServeFlags, options, settingNames } from '../../src/settings/index.ts';
import { runVserve, temporaryFolder } from './run-vserve.ts';

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});

function serve(...args: readonly string[]) {
  return runVserve(folder, ['serve', '--backend', 'echo', ...args]);
}

test('a command line of max serve works, and says what has no effect', async () => {
  const args = ['--trust-remote-code', '--no-enable-chunked-prefill', '--kv-cache-page-size', '128', '--no-profile'];
  const vserve = serve(...args, '--enable-structured-output', '--kv-cache-format', 'bfloat16', '--temperature', '0.5');
  await vserve.until(/Server ready/);
  vserve.kill('SIGTERM');
  const { code, stderr } = await vserve.exit();
  for (const flag of ['--trust-remote-code', '--no-enable-chunked-prefill', '--kv-cache-page-size', '--no-profile']) {
    expect(stderr).toMatch(new RegExp(`WARNING ${flag} has no effect: \\w`));
  }
  expect(code).toBe(0);
});

test.each([['--profile'], ['--vision-config-overrides', '{}'], ['--sliding-window', '5']])(
  'what would change the answers is refused with a reason: %s',
  async (...args) => {
    const { code, stderr } = await serve(...args).exit();
    expect(stderr).toMatch(new RegExp(`^Error: ${args[0]} is not supported: \\w.*\\.\\n$`));
    expect(code).toBe(2);
  },
);

test('the help does not list them', async () => {
  const { stdout } = await runVserve(folder, ['serve', '--help']).exit();
  expect(stdout).not.toMatch(/trust-remote-code/);
});

function repeated(names: readonly string[]): string[] {
  return names.filter((name, place) => names.indexOf(name) !== place);
}

test('no flag is named twice', () => {
  const own = settingNames.flatMap((name) => options[name].flags);
  expect(repeated([...own, ...maxServeFlags().map(({ name }) => name)])).toEqual([]);
  expect(repeated(maxBenchmarkFlags().map(({ name }) => name))).toEqual([]);
});
