import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { serveSettingNames, options } from '../../src/settings/index.ts';

const root = join(import.meta.dirname, '../..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };

interface Container {
  readonly image: string;
  readonly args?: readonly string[];
}

interface Deployment {
  readonly spec: { readonly template: { readonly spec: { readonly containers: readonly [Container] } } };
}

function containerIn(folder: string): Container {
  const text = readFileSync(join(root, 'docs/deploy/kubernetes', folder, 'deployment.yaml'), 'utf8');
  return (parse(text) as Deployment).spec.template.spec.containers[0];
}

const serveFlags = serveSettingNames.flatMap((name): readonly string[] => options[name].flags);

test('the examples for Kubernetes run the images of this version, with flags that serve has', () => {
  const base = containerIn('base');
  expect(base.image).toBe(`ghcr.io/vserve/vserve:${version}`);
  expect(containerIn('cuda').image).toBe(`ghcr.io/vserve/vserve:${version}-cuda`);
  const flags = base.args?.flatMap((argument) => /^(--[\w-]+)/.exec(argument)?.[1] ?? []) ?? [];
  expect(flags).not.toEqual([]);
  for (const flag of flags) expect(serveFlags).toContain(flag.slice(2));
});

test('the unit for systemd runs flags that serve has', () => {
  const unit = readFileSync(join(root, 'docs/deploy/systemd/vserve.service'), 'utf8');
  const [, command = ''] = /^ExecStart=(.*)$/m.exec(unit) ?? [];
  for (const flag of command.match(/--[\w-]+/g) ?? []) expect(serveFlags).toContain(flag.slice(2));
});
