import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, inject, it } from 'vitest';

/** `scripts/soak-api.ts` runs for minutes, and judges memory, too. */
it.skipIf(process.platform !== 'linux')(
  'a server bears clients of all formats that leave, dawdle and send nonsense',
  { timeout: 120_000 },
  async () => {
    const script = join(import.meta.dirname, '../../dist/scripts/soak-api.js');
    const files = ['--model', inject('shapesModelPath'), '--mmproj', inject('shapesMmprojPath')];
    const { stdout } = await promisify(execFile)(process.execPath, [
      script,
      ...files,
      '--requests',
      '200',
      '--seed',
      '3',
    ]);
    const report = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
    expect(report).toMatchObject({ failures: [], stuck: [], answersAsBefore: true });
    expect(report['statuses']).toMatchObject({ 200: expect.any(Number) as number, 400: expect.any(Number) as number });
    expect(report['left']).toBeGreaterThan(5);
  },
);
