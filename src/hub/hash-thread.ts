import { Worker } from 'node:worker_threads';
import type { Extent } from './extents.ts';
import type { HashReply, HashRequest } from './hash-messages.ts';
import type { FileHash } from './remote-file.ts';

// The compiler renames the extensions of imports, not of URLs.
const workerUrl = new URL(`./hash-worker${import.meta.url.slice(-3)}`, import.meta.url);

type Asked = HashRequest extends infer Request ? (Request extends HashRequest ? Omit<Request, 'id'> : never) : never;

interface Waiting {
  readonly resolve: (value: string | number | null) => void;
  readonly reject: (error: Error) => void;
}

/** A file to hash: its final size, and the algorithm the Hub lists it with. */
export interface HashedFile {
  readonly bytes: number;
  readonly algorithm: FileHash['algorithm'];
}

/** The hash of a growing file. */
export interface RunningHash {
  /** Hashes up to `end`: the file is complete up to there. */
  advance(end: number): void;
  /** The digest of the whole, in hexadecimal. Throws the system's error if the file could not be read. */
  finish(): Promise<string>;
}

/** Hashes files in a thread, so that neither the event loop nor the downloads wait for it. */
export class HashThread {
  readonly #worker = new Worker(workerUrl);
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;

  constructor() {
    this.#worker.on('message', (reply: HashReply) => {
      const waiting = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      if ('failure' in reply) waiting?.reject(Object.assign(new Error(reply.failure), { code: reply.code }));
      else waiting?.resolve(reply.value);
    });
    this.#worker.on('error', (cause: Error) => this.#failAll(new Error('The hashing thread failed.', { cause })));
    this.#worker.on('exit', () => this.#failAll(new Error('The hashing thread ended before it replied.')));
  }

  /** Begins a hash; git hashes a header before the bytes. */
  begin(path: string, { bytes, algorithm }: HashedFile): RunningHash {
    const stream = ++this.#lastId;
    const isGit = algorithm === 'git';
    const asked: Promise<unknown>[] = [
      this.#ask({
        type: 'begin',
        stream,
        path,
        algorithm: isGit ? 'sha1' : 'sha256',
        prefix: isGit ? `blob ${bytes}\0` : '',
      }),
    ];
    // The failure of an earlier step is reported at the end.
    asked[0]?.catch(() => undefined);
    return {
      advance: (end) => {
        const step = this.#ask({ type: 'advance', stream, end });
        step.catch(() => undefined);
        asked.push(step);
      },
      finish: async () => {
        const digest = this.#ask({ type: 'finish', stream });
        const [last] = (await Promise.all([...asked, digest])).slice(-1);
        return String(last);
      },
    };
  }

  /** The digest of a whole file. */
  digest(path: string, file: HashedFile): Promise<string> {
    const running = this.begin(path, file);
    running.advance(file.bytes);
    return running.finish();
  }

  /** CRC-32 of a range of a file. */
  async crc32(path: string, { start, end }: Extent): Promise<number> {
    return Number(await this.#ask({ type: 'crc32', path, start, end }));
  }

  /** Terminates the thread, midway if necessary. */
  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #ask(request: Asked): Promise<string | number | null> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ ...request, id }, []);
    });
  }

  #failAll(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
