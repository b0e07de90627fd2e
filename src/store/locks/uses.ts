import { randomUUID } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join, relative, sep } from 'node:path';
import type { LogLevel } from '../../backend/index.ts';
import { messageOf } from '../../errors/index.ts';
import { makeFolder, namesIn } from '../disk/folders.ts';
import { isRunning, parseProcess } from './running-process.ts';
import type { ProcessOnHost } from './running-process.ts';

/** A process that serves a model of the store. */
export type ModelUse = ProcessOnHost;

/**
 * Records in `uses/<model>.<pid>.<random>` that this process uses a file of the store, so that it is not removed; returns
 * the function that withdraws the record. A file elsewhere needs none. If it cannot be written (a read-only store, a full
 * disk), the model can be used all the same.
 */
export async function markUse(
  home: string,
  path: string,
  log: (level: LogLevel, message: string) => void,
): Promise<() => Promise<void>> {
  const model = modelFolderOf(home, path);
  if (model === undefined) return async () => undefined;
  const mark = join(home, 'uses', `${model}.${process.pid}.${randomUUID()}`);
  try {
    await makeFolder(join(home, 'uses'));
    await writeFile(mark, JSON.stringify({ pid: process.pid, host: hostname() } satisfies ModelUse));
  } catch (error) {
    log('warning', `Other processes may remove ${path} while it is in use: ${messageOf(error)}`);
  }
  return () => rm(mark, { force: true }).catch(() => undefined);
}

/** The processes that use a model, by the name of its folder, except those of this machine that have ended. */
export async function usesOf(home: string, model: string): Promise<ModelUse[]> {
  const marks = await readMarks(home);
  return marks.filter((mark) => mark.model === model && isAlive(mark.use)).flatMap(({ use }) => use ?? []);
}

/** The records of processes that ended without removing them. */
export async function staleUses(home: string): Promise<string[]> {
  const marks = await readMarks(home);
  return marks.filter(({ use }) => !isAlive(use)).map(({ path }) => path);
}

async function readMarks(home: string): Promise<{ path: string; model: string; use: ModelUse | undefined }[]> {
  const folder = join(home, 'uses');
  const names = await namesIn(folder);
  return Promise.all(
    names.map(async (name) => {
      const path = join(folder, name);
      const text = await readFile(path, 'utf8').catch(() => '');
      return { path, model: name.replace(/\.\d+\.[0-9a-f-]+$/, ''), use: parseProcess(text) };
    }),
  );
}

/** A process of another machine counts as alive: there is no way to tell. */
function isAlive(use: ModelUse | undefined): boolean {
  return use !== undefined && (use.host !== hostname() || isRunning(use.pid));
}

/** The name of the folder, in `converted/` or `hub/`, that a path of the store is in. */
function modelFolderOf(home: string, path: string): string | undefined {
  const [area = '', model] = relative(home, path).split(sep);
  return ['converted', 'hub'].includes(area) ? model : undefined;
}
