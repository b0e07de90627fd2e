import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { createStream } from 'rotating-file-stream';
import type { RotatingFileStream } from 'rotating-file-stream';
import { messageOf, systemErrorCode, VserveError } from '../errors/index.ts';

/** After a failure, such as a full disk, lines are dropped for this long before the file is opened again. */
const RETRY_MS = 10_000;

export interface LogFileOptions {
  readonly path: string;
  /** A file of this size becomes `<path>.1`, the one before `<path>.2`, … */
  readonly maxBytes: number;
  /** How many of those are kept. */
  readonly maxFiles: number;
  /** Called once when lines begin to be lost. */
  readonly onLost: (reason: string) => void;
}

/** The file of a log, which is rotated by size. A failure loses lines, and nothing else. */
export class LogFile {
  readonly #options: LogFileOptions;
  #stream: RotatingFileStream | undefined;
  #retryAtMs = -Infinity;
  #isLosing = false;

  private constructor(options: LogFileOptions) {
    this.#options = options;
  }

  /** Throws `invalid_setting` if the file cannot be written. */
  static async open(options: LogFileOptions): Promise<LogFile> {
    const { path } = options;
    const file = new LogFile(options);
    try {
      if ((await stat(path).catch(() => undefined))?.isDirectory() === true) throw new Error('it is a folder');
      file.#isLosing = true; // a failure is told by the error
      await once(file.#open(), 'open');
      file.#isLosing = false;
    } catch (cause) {
      const reason = systemErrorCode(cause) ?? messageOf(cause);
      const message = `The log file ${path} cannot be written (${reason}). Name another with --log-file.`;
      throw new VserveError('invalid_setting', message, { cause, param: 'logFile' });
    }
    return file;
  }

  write(line: string): void {
    if (this.#stream === undefined && performance.now() < this.#retryAtMs) return;
    (this.#stream ?? this.#open()).write(`${line}\n`, (error) => {
      if (error === null || error === undefined) this.#isLosing = false;
    });
  }

  /** Waits until everything is written, or cannot be. */
  async close(): Promise<void> {
    const stream = this.#stream;
    if (stream === undefined) return;
    const closed = new Promise<void>((done) => {
      stream.once('close', () => done());
    });
    stream.end();
    await closed;
  }

  #open(): RotatingFileStream {
    const { path, maxBytes, maxFiles } = this.#options;
    const name = basename(path);
    const stream = createStream((index) => (index === null ? name : `${name}.${String(index)}`), {
      path: dirname(resolve(path)),
      size: `${maxBytes}B`,
      rotate: maxFiles,
      mode: 0o600,
    });
    stream.on('error', (error) => this.#fail(stream, error));
    stream.on('warning', (error) => this.#fail(stream, error));
    this.#stream = stream;
    return stream;
  }

  #fail(stream: RotatingFileStream, error: Error): void {
    if (this.#stream === stream) this.#stream = undefined;
    this.#retryAtMs = performance.now() + RETRY_MS;
    stream.destroy();
    if (this.#isLosing) return;
    this.#isLosing = true;
    this.#options.onLost(systemErrorCode(error) ?? error.message);
  }
}
