import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import type { convertCheckpoint as convert } from '../../src/convert/index.ts';
import { shapesCheckpointDir } from './shapes.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The embedded checkpoint, converted once for all tests. */
    shapesModelPath: string;
    shapesMmprojPath: string;
  }
}

/** Converts the embedded checkpoint once, before any test, with the built converter: it starts worker threads. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const built = new URL('../../dist/src/convert/index.js', import.meta.url).href;
  const { convertCheckpoint } = (await import(built)) as { convertCheckpoint: typeof convert };
  const destinationDir = await mkdtemp(join(tmpdir(), 'vserve-shapes-'));
  const { modelPath, mmprojPath } = await convertCheckpoint({
    sourceDir: shapesCheckpointDir,
    destinationDir,
    outtype: 'auto',
    onProgress: () => undefined,
    signal: new AbortController().signal,
  });
  if (mmprojPath === undefined) throw new Error('The embedded checkpoint made no mmproj');
  project.provide('shapesModelPath', modelPath);
  project.provide('shapesMmprojPath', mmprojPath);
  return () => rm(destinationDir, { recursive: true });
}
