import { createHash, timingSafeEqual } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import { fileFault, systemErrorCode, VserveError } from '../errors/index.ts';
import type { Log } from './access-log.ts';
import { parseKeyFile } from './key-file.ts';
import type { KeyEntry } from './key-file.ts';

/** A key that a request may have. The key itself is not kept. */
export interface KnownKey {
  /** Tells keys apart. */
  readonly id: string;
  readonly name: string | undefined;
  readonly maxRequests: number | undefined;
  readonly mayManage: boolean;
}

interface StoredKey extends KnownKey {
  readonly hash: Buffer;
}

export interface KeySettings {
  /** Keys from flags and the environment. */
  readonly apiKeys: readonly string[];
  readonly apiKeyFile: string | undefined;
  /** For keys whose line in the file has no limit. */
  readonly maxRequestsPerKey: number | undefined;
}

/** The API keys of a server. Without any, requests need none. */
export class ApiKeys {
  #keys: readonly StoredKey[] = [];
  readonly #settings: KeySettings;
  readonly #log: Log;

  private constructor(settings: KeySettings, log: Log) {
    this.#settings = settings;
    this.#log = log;
  }

  /** Throws `invalid_setting` for a file that cannot be read or is wrong. */
  static async load(settings: KeySettings, log: Log): Promise<ApiKeys> {
    const keys = new ApiKeys(settings, log);
    await keys.reload();
    return keys;
  }

  /** Whether requests need a key. */
  get areRequired(): boolean {
    return this.#keys.length > 0;
  }

  /** Reads the file again. Throws like `load`, and then keeps the keys it has. */
  async reload(): Promise<void> {
    const { apiKeys, apiKeyFile, maxRequestsPerKey } = this.#settings;
    const given = apiKeys.map((key): KeyEntry => ({ key, name: undefined, maxRequests: undefined, mayManage: false }));
    const inFile = apiKeyFile === undefined ? [] : await readKeyFile(apiKeyFile, this.#log);
    this.#keys = [...inFile, ...given].map(({ key, name, maxRequests = maxRequestsPerKey, mayManage }) => {
      const hash = hashOf(key);
      return { hash, id: hash.toString('base64url'), name, maxRequests, mayManage };
    });
  }

  /**
   * The key of a request: `Authorization`, with or without `Bearer`, or `x-api-key`. All keys are compared, by their
   * hashes, so that the time it takes says nothing about them.
   */
  find({ authorization = '', 'x-api-key': apiKey }: IncomingHttpHeaders): KnownKey | undefined {
    const given = [authorization.replace(/^Bearer +/i, '').trim(), ...[apiKey ?? []].flat()].filter(Boolean);
    let found: KnownKey | undefined;
    for (const hash of given.map(hashOf)) {
      for (const key of this.#keys) if (timingSafeEqual(hash, key.hash)) found ??= key;
    }
    return found;
  }

  /** How many requests of a key may run and wait at a time; undefined for no limit, or an unknown key. */
  maxRequestsOf(id: string): number | undefined {
    return this.#keys.find((key) => key.id === id)?.maxRequests;
  }
}

async function readKeyFile(path: string, log: Log): Promise<readonly KeyEntry[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
    if (((await stat(path)).mode & 0o077) !== 0) {
      log('warning', `Other users of this machine may read the API keys in ${path}. To prevent it: chmod 600 ${path}`);
    }
  } catch (cause) {
    const reason = systemErrorCode(cause) === 'ENOENT' ? 'does not exist' : `cannot be read: ${fileFault(cause)}`;
    throw new VserveError('invalid_setting', `--api-key-file names ${path}, which ${reason}.`, { cause });
  }
  return parseKeyFile(text, path);
}

function hashOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
