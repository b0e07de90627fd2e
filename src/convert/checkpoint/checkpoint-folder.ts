import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { VserveError } from '../../errors/index.ts';
import { isLfsPointer, lfsPointerMessage } from '../../formats/git-lfs.ts';
import { parsePythonJson } from '../../formats/python-json.ts';

/** The largest configuration or tokenizer file that is read. Gemma 3's tokenizer.json takes 33 MB. */
export const maxTextFileBytes = 256 * 1024 * 1024;

export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Reads the small files of a checkpoint's folder. Every method names the file at fault in its error. */
export class CheckpointFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /**
   * Names of the entries of the folder, or of a folder within it, sorted.
   * Throws `checkpoint_invalid` when the checkpoint's folder itself cannot be read.
   */
  async list(within = '.'): Promise<string[]> {
    try {
      return (await readdir(join(this.path, within))).sort();
    } catch (error) {
      if (within !== '.') return [];
      const message = (await this.#fault()) ?? `The checkpoint's folder ${this.path} cannot be read.`;
      throw new VserveError('checkpoint_invalid', message, { cause: error });
    }
  }

  async has(name: string): Promise<boolean> {
    const found = await stat(join(this.path, name)).catch(() => undefined);
    return found?.isFile() === true;
  }

  /** Throws `checkpoint_invalid` when the file is missing, unreadable or over `maxTextFileBytes`. */
  async bytes(name: string): Promise<Buffer> {
    const path = join(this.path, name);
    try {
      const found = await stat(path);
      if (!found.isFile()) throw new VserveError('checkpoint_invalid', `${name} is no regular file.`);
      const { size } = found;
      if (size > maxTextFileBytes) {
        throw new VserveError('checkpoint_invalid', `${name} is ${size} bytes, over the limit of ${maxTextFileBytes}.`);
      }
      const bytes = await readFile(path);
      if (isLfsPointer(bytes)) throw new VserveError('checkpoint_invalid', `${name} ${lfsPointerMessage}.`);
      return bytes;
    } catch (error) {
      if (error instanceof VserveError) throw error;
      const message = (await this.#fault()) ?? `${name} is missing from ${this.path} or cannot be read.`;
      throw new VserveError('checkpoint_invalid', message, { cause: error });
    }
  }

  /** What is wrong with the folder itself. */
  async #fault(): Promise<string | undefined> {
    const found = await stat(this.path).catch((error: unknown) => (error as NodeJS.ErrnoException).code);
    if (found === 'ENOENT') return `The folder ${this.path} does not exist.`;
    return typeof found === 'object' && !found.isDirectory() ? `${this.path} is not a folder.` : undefined;
  }

  /** The text of a UTF-8 file. Throws `checkpoint_invalid`. */
  async text(name: string): Promise<string> {
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await this.bytes(name));
    } catch (error) {
      if (error instanceof VserveError) throw error;
      throw new VserveError('checkpoint_invalid', `${name} is not UTF-8 text. Download it again.`, { cause: error });
    }
  }

  /** The object in a JSON file. Throws `checkpoint_invalid`. */
  async json(name: string): Promise<JsonObject> {
    let value: unknown;
    try {
      value = parsePythonJson(await this.text(name));
    } catch (error) {
      if (error instanceof VserveError) throw error;
      throw new VserveError('checkpoint_invalid', `${name} is not valid JSON. Download it again.`, { cause: error });
    }
    if (isJsonObject(value)) return value;
    throw new VserveError('checkpoint_invalid', `${name} is not a JSON object. Download it again.`);
  }

  /** As `json`, or undefined where there is no such file. Throws `checkpoint_invalid`. */
  async optionalJson(name: string): Promise<JsonObject | undefined> {
    return (await this.has(name)) ? this.json(name) : undefined;
  }
}
