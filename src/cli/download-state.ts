import type { DownloadEvent } from '../hub/index.ts';
import { DownloadMeter } from './download-meter.ts';

export interface FileState {
  readonly path: string;
  readonly bytes: number;
  readonly bytesDone: number;
  /** `checking`: all is there, and its hash is being computed. */
  readonly stage: 'waiting' | 'fetching' | 'checking' | 'done';
}

/** How far the download of a model is. */
export class DownloadState {
  readonly meter: DownloadMeter;
  repository = '';
  readonly #files = new Map<string, FileState>();
  /** The files that were all there before. */
  readonly #present = new Set<string>();

  constructor(nowMs: number) {
    this.meter = new DownloadMeter(nowMs);
  }

  /** Takes in an event; those that say nothing of a file change nothing. */
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
      // What was there may have turned out to be damaged.
      this.#present.delete(path);
      // The first word of a file tells what an earlier process has left of it, which did not come now.
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

  /** Bytes of the files that were not there before. */
  get bytesFetched(): number {
    return this.files.filter(({ path }) => !this.#present.has(path)).reduce((sum, file) => sum + file.bytes, 0);
  }

  /** Whether the plan is known, and every file is in its place. */
  get isDone(): boolean {
    return this.repository !== '' && this.files.every(({ stage }) => stage === 'done');
  }
}
