import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { readUpstreams } from '../../backends/openai/read-upstreams.ts';

const page = await readFile(join(import.meta.dirname, '../../docs/scaling.md'), 'utf8');
const examples = [...page.matchAll(/```yaml\n# ([\w.]+)[^\n]*\n([^]*?)```/g)].map(([, name = '', text = '']) => ({
  name,
  text,
}));

/** Whether vserve takes the text of an upstreams file; keys that lie in files are left out. */
async function readAsUpstreams(text: string): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'vserve-scaling-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'upstreams.yaml');
  await writeFile(file, text.replaceAll(/^ *key_file:.*\n/gm, ''));
  const read = await readUpstreams({ upstreams: [], upstreamsFile: file, upstreamApiKey: undefined });
  return read.length;
}

it('every example is named, and there is one of each kind', () => {
  expect(examples).toHaveLength(page.match(/```yaml/g)?.length ?? 0);
  expect(new Set(examples.map(({ name }) => name))).toEqual(
    new Set(['upstreams.yaml', 'ray.yaml', 'vllm.yaml', 'vserve.yaml']),
  );
});

it.each(examples)('$name is valid', async ({ name, text }) => {
  const documents = parseAllDocuments(text);
  for (const { errors, warnings } of documents) expect([...errors, ...warnings]).toEqual([]);
  if (name === 'upstreams.yaml') return expect(await readAsUpstreams(text)).toBeGreaterThan(0);
  const objects = documents.map((document) => document.toJS() as Record<string, unknown>);
  if (name === 'ray.yaml') return expect(objects[0]).toHaveProperty('applications.0.import_path');
  for (const object of objects)
    expect(object).toMatchObject({ apiVersion: expect.any(String), kind: expect.any(String) });
  const { data } = objects[0] as { data?: Record<string, string> };
  if (data !== undefined) expect(await readAsUpstreams(Object.values(data).join(''))).toBe(3);
  return undefined;
});
