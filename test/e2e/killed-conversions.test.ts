import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';

const script = join(import.meta.dirname, '../../dist/scripts/kill-conversions.js');

test('conversions and quantizations that are killed at random moments are finished by the next run', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vserve-kills-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const sizes = ['--layers', '1', '--width', '512', '--kills', '4', '--seed', '7'];
  const run = await promisify(execFile)(process.execPath, [script, ...sizes, '--folder', join(folder, 'kills')]).catch(
    (error: unknown) => error as { stdout: string },
  );
  expect(JSON.parse(run.stdout.trimEnd().split('\n').at(-1) ?? '')).toMatchObject({ kills: 4, wrong: [] });
}, 900_000);
