import { systemErrorCode } from '../errors/index.ts';

/** A stream that lines are written to for as long as the process lives. */
export interface LineSink {
  readonly write: (text: string) => void;
  /** Why a line could not be written (`ENOSPC`, `EIO`, …); undefined where none was lost, or only for lack of a reader. */
  readonly failure: () => string | undefined;
}

/**
 * Writes to a stream that may fail: a full disk, a terminal that was closed, a pipe whose reader left. Lines that cannot
 * be written are dropped, and `onRecovered` is told how many once a line gets through again.
 */
export function createLineSink(
  stream: NodeJS.WritableStream,
  onRecovered: (lost: number, reason: string) => void = () => undefined,
): LineSink {
  let lost = 0;
  let reason = '';
  let failure: string | undefined;
  // Each failed write is reported to its callback; without a listener, the event would end the process.
  stream.on('error', () => undefined);
  return {
    write(text) {
      stream.write(text, (error) => {
        if (error instanceof Error) {
          lost += 1;
          reason = systemErrorCode(error) ?? error.message;
          if (reason !== 'EPIPE') failure = reason;
        } else if (lost > 0) {
          const count = lost;
          lost = 0;
          onRecovered(count, reason);
        }
      });
    },
    failure: () => failure,
  };
}
