import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { convertAdapter } from '../../src/convert/index.ts';
import type { ReferenceAdapter } from '../reference/adapters.ts';
import { writeAdapter } from '../reference/adapters.ts';
import type { GgufDescription } from '../convert/support/describe-gguf.ts';
import { shapesCheckpointDir } from './shapes.ts';

/** What transformers with PEFT answers. */
export interface AdaptedAnswer {
  readonly hasPicture: boolean;
  readonly question: string;
  readonly answer: string;
  /** Between the logits of the likeliest token and the next one, where it was least sure. */
  readonly margin: number;
  /** The likeliest first tokens, and their logits. */
  readonly logits: readonly (readonly [number, number])[];
}

export const adapterReference = JSON.parse(
  readFileSync(join(import.meta.dirname, '../fixtures/adapters.json'), 'utf8'),
) as {
  readonly picture: string;
  readonly newTokens: number;
  readonly gguf: Readonly<Record<string, GgufDescription>>;
  /** By adapter; those of the model itself under the empty name. */
  readonly answers: Readonly<Record<string, readonly AdaptedAnswer[]>>;
};

/** A folder, and what removes it. */
export interface Removable {
  readonly folder: string;
  readonly remove: () => Promise<void>;
}

export async function removableFolder(): Promise<Removable> {
  const folder = await mkdtemp(join(tmpdir(), 'vserve-adapters-'));
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** The GGUF file of an adapter of shapes-vlm, in a folder. */
export async function adapterFile(folder: string, name: string, adapter: ReferenceAdapter): Promise<string> {
  const [adapterDir, path] = [join(folder, name), join(folder, `${name}.gguf`)];
  await writeAdapter(adapterDir, adapter, shapesCheckpointDir);
  const { signal } = new AbortController();
  await convertAdapter({ baseDir: shapesCheckpointDir, adapterDir, path, signal });
  return path;
}
