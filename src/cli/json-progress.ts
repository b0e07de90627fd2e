import type { DownloadEvent } from '../hub/index.ts';
import type { ConversionProgress } from '../store/index.ts';

/** Minimum time between two lines about one file. */
const LINE_MS = 500;

/** Prints the steps of a pull as lines of JSON: the events of the download, and `convert`. */
export function jsonProgress(print: (line: string) => void, now: () => number = () => performance.now()) {
  const lastMs = new Map<string, number>();
  /** The end of a file is reported again with the next one. */
  const printed = new Set<string>();
  const isTime = (key: string): boolean => {
    if (now() - (lastMs.get(key) ?? -Infinity) < LINE_MS) return false;
    lastMs.set(key, now());
    return true;
  };
  return {
    onEvent(event: DownloadEvent): void {
      const { type, ...rest } = event;
      if (type === 'progress' && !isTime(`download ${event.path}`)) return;
      print(JSON.stringify({ event: type, ...rest }));
    },
    onConversion(progress: ConversionProgress): void {
      const isEnd = progress.bytesWritten === progress.bytesTotal;
      if (!isTime(`convert ${progress.file}`) && !isEnd) return;
      const line = JSON.stringify({ event: 'convert', ...progress });
      if (!printed.has(line)) print(line);
      printed.add(line);
    },
    succeed: (): void => undefined,
    end: (): void => undefined,
  };
}
