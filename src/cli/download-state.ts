import type { DownloadEvent } from '../hub/index.ts';
import { DownloadMeter } from './download-meter.ts';

export interface FileState {
  readonly path: string;
  readonly bytes: number;
  readonly bytesDone: number;
  /** `checking`: complete, and being hashed. */
  readonly stage: 'waiting' | 'fetching' | 'checking' | 'done';
}

/** The state of a model's download. */
export class DownloadState {
  readonly meter: DownloadMeter;
  repository = '';
  readonly #files = new Map<string, FileState>();
  /** Files that were complete before. */
  readonly #present = new Set<string>();

  constructor(nowMs: number) {
    this.meter = new DownloadMeter(nowMs);
  }

  /** Applies an event; those that do not concern files are ignored. */
  update(event: DownloadEvent, nowMs: number): void {
    if (event.type === 'plan') {
      this.repository = event.repository;
      for (const { path, bytes, bytesDone } of event.files) {
        if (bytesDone === bytes && !this.#files.has(path)) this.#present.add(path);
        this.#files.set(path, { path, bytes, bytesDone, stage: bytesDone === bytes ? 'done' : 'waiting' });
      }
    } else if (event.type === 'check') {
      this.#files.set(event.path, { path: event.path, bytes: event.bytes, bytesDone: event.bytes, stage: 'checking' });
    } else if (event.type === 'progress') {
      const { path, bytes, bytesDone } = event;
      const before = this.#files.get(path);
      // It may have turned out to be damaged.
      this.#present.delete(path);
      // The first event of a file includes what an earlier process left of it, which was not received now.
      const isFirst = before === undefined || before.stage === 'waiting';
      this.meter.add(isFirst ? 0 : bytesDone - before.bytesDone, nowMs);
      this.#files.set(path, { path, bytes, bytesDone, stage: bytesDone === bytes ? 'checking' : 'fetching' });
    } else if (event.type === 'done') {
      this.#files.set(event.path, { path: event.path, bytes: event.bytes, bytesDone: event.bytes, stage: 'done' });
    }
  }

  get files(): readonly FileState[] {
    return [...this.#files.values()];
  }

  get bytes(): number {
    return this.files.reduce((sum, file) => sum + file.bytes, 0);
  }

  get bytesDone(): number {
    return this.files.reduce((sum, file) => sum + file.bytesDone, 0);
  }

  /** Bytes of the files that were not complete before. */
  get bytesFetched(): number {
    return this.files.filter(({ path }) => !this.#present.has(path)).reduce((sum, file) => sum + file.bytes, 0);
  }

  /** Whether the plan is known and every file complete. */
  get isDone(): boolean {
    return this.repository !== '' && this.files.every(({ stage }) => stage === 'done');
  }
}
