import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { addressSpaceLimit } from '../../src/cli/address-space.ts';
import { checkNode } from '../../src/cli/doctor/system-checks.ts';
import { runVserve, temporaryFolder } from './run-vserve.ts';

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});

interface Report {
  readonly ok: boolean;
  readonly checks: readonly {
    readonly name: string;
    readonly status: string;
    readonly detail: string;
    readonly advice?: string;
  }[];
}

async function examine(
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
): Promise<{ code: number | null; report: Report }> {
  const { code, stdout } = await runVserve(folder, ['doctor', '--json', ...args], environment, { isReal: true }).exit();
  return { code, report: JSON.parse(stdout) as Report };
}

async function hub(status: number, answer: object): Promise<string> {
  const server = createServer((request, response) => {
    response.writeHead(request.headers.authorization === 'Bearer hf_wrong' ? 401 : status);
    response.end(JSON.stringify(answer));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('all is checked, and nothing fails where an engine is ready', async () => {
  const HF_ENDPOINT = await hub(200, { name: 'someone' });
  const { code, report } = await examine(['--backend', 'echo'], { HF_ENDPOINT, HF_TOKEN: 'hf_right' });
  const byName = Object.fromEntries(report.checks.map((check) => [check.name, check]));
  expect(Object.keys(byName)).toEqual([
    'Node',
    'Engine',
    'Compiler',
    'Processor',
    'Memory',
    'Devices',
    'Drivers',
    'Store',
    'Disk',
    'Token',
    'Hub',
    'Servers',
  ]);
  expect(byName).toMatchObject({
    Engine: { status: 'ok', detail: 'echo is ready' },
    Store: { status: 'ok' },
    Token: { status: 'ok', detail: 'of someone, from HF_TOKEN' },
    Hub: { status: 'ok', detail: HF_ENDPOINT },
    Servers: { detail: 'none running' },
  });
  expect(report.ok).toBe(true);
  expect(code).toBe(0);
});

test('a token that is not valid and a Hub that is not there are warnings with advice', async () => {
  const HF_ENDPOINT = await hub(200, {});
  const wrong = await examine(['--backend', 'echo'], { HF_ENDPOINT, HF_TOKEN: 'hf_wrong' });
  expect(wrong.report.checks).toContainEqual(
    expect.objectContaining({ name: 'Token', status: 'warn', advice: expect.stringMatching(/settings\/tokens/) }),
  );
  const away = await examine(['--backend', 'echo'], { HF_ENDPOINT: 'http://127.0.0.1:1' });
  expect(away.report.checks).toContainEqual(
    expect.objectContaining({
      name: 'Hub',
      status: 'warn',
      detail: expect.stringMatching(/cannot be reached: ECONNREFUSED/),
    }),
  );
  expect([wrong.code, away.code]).toEqual([0, 0]);
});

test('an engine that is missing and a store that cannot be used fail, and say what to do', async () => {
  const home = join(folder, 'home');
  await mkdir(home);
  await writeFile(join(folder, 'x'), '');
  await chmod(home, 0o500);
  const vserve = runVserve(folder, ['doctor', '--backend', './none.js'], { HF_HUB_OFFLINE: '1' }, { isReal: true });
  const { code, stdout, stderr } = await vserve.exit();
  expect(stdout).toMatch(/^✖ Engine +The backend "\.\/none\.js" could not be loaded: .*\n +Use one of/m);
  expect(stdout).toMatch(/^✔ Hub +not asked: HF_HUB_OFFLINE is set$/m);
  // The superuser can write everywhere.
  if (process.getuid?.() !== 0) expect(stdout).toMatch(/^✖ Store +.* cannot be written \(EACCES\)\n +Set VSERVE_HOME/m);
  expect(stderr).toMatch(/^Error: vserve cannot serve here yet: see Engine/);
  expect(code).toBe(1);
});

test.each([
  ['18.20.4', 'fail'],
  ['20.19.0', 'warn'],
  ['22.0.0', 'ok'],
])('Node %s: %s', (version, status) => {
  expect(checkNode(version).status).toBe(status);
});

test('a limit of the address space, which ends Node without notice, is told', async () => {
  const limits = join(await temporaryFolder(), 'limits');
  const limit = async (value: string) => {
    await writeFile(
      limits,
      `Limit                     Soft Limit\nMax address space         ${value}   unlimited   bytes\n`,
    );
    return addressSpaceLimit(limits);
  };
  expect(await limit('12000000000')).toMatchObject({ detail: expect.stringContaining('12.0 GB') as unknown });
  expect(await limit('unlimited')).toBeUndefined();
  expect(await addressSpaceLimit(`${limits}-of-another-system`)).toBeUndefined();
});
