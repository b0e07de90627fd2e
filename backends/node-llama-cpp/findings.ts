import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { arch, cpus, hostname } from 'node:os';
import { join } from 'node:path';

/** What the first is about may still be of use; more are of models that are gone. */
const mostFindings = 64;

let writing = Promise.resolve();

interface Finding {
  readonly key: string;
  readonly value: unknown;
}

/**
 * What was found out about files, kept in a small file from start to start. A finding counts for exactly what it was made of:
 * the same files, on the same machine, unchanged. Without a folder, or where it cannot be written, nothing is kept.
 */
export class Findings {
  readonly #path: string | undefined;

  constructor(folder: string | undefined) {
    this.#path = folder === undefined ? undefined : join(folder, 'findings.json');
  }

  /** Undefined for what is not known. */
  async find(key: string): Promise<unknown> {
    return (await this.#read()).find((finding) => finding.key === key)?.value;
  }

  /** One after the other: each writes the whole file. */
  keep(key: string, value: unknown): Promise<void> {
    writing = writing.then(() => this.#write(key, value));
    return writing;
  }

  async #write(key: string, value: unknown): Promise<void> {
    const path = this.#path;
    if (path === undefined) return;
    const others = (await this.#read()).filter((finding) => finding.key !== key);
    const temporary = `${path}.${String(process.pid)}`;
    try {
      await mkdir(join(path, '..'), { recursive: true });
      await writeFile(temporary, JSON.stringify([{ key, value }, ...others].slice(0, mostFindings)), { mode: 0o600 });
      await rename(temporary, path);
    } catch {
      await rm(temporary, { force: true }).catch(() => undefined);
    }
  }

  async #read(): Promise<readonly Finding[]> {
    if (this.#path === undefined) return [];
    try {
      const findings = JSON.parse(await readFile(this.#path, 'utf8')) as unknown;
      return Array.isArray(findings) ? (findings as readonly Finding[]) : [];
    } catch {
      return []; // there is none yet, or it was cut short
    }
  }
}

/** The key of a finding about files, made with these arguments. Throws the system's error for a file that is not there. */
export async function findingKey(paths: readonly string[], facts: readonly string[]): Promise<string> {
  const files = await Promise.all(
    paths.map(async (path) => {
      const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
      return [path, ...[dev, ino, size, mtimeNs, ctimeNs].map(String)];
    }),
  );
  // A home folder may be on several machines.
  const machine = [hostname(), arch(), cpus()[0]?.model ?? ''];
  return createHash('sha256')
    .update(JSON.stringify([machine, facts, files]))
    .digest('base64url');
}
