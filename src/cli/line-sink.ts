import { systemErrorCode } from '../errors/index.ts';

/** Nobody reads the output any more, as in `vserve … | head`: there is nothing more to do, and nothing has failed. */
export class ReaderLeft extends Error {
  override readonly name = 'ReaderLeft';
}

/** A stream of lines that lasts as long as the process. */
export interface LineSink {
  readonly write: (text: string) => void;
  /** Why a line could not be written (`ENOSPC`, `EIO`, …); undefined if none was lost, or only because the reader left. */
  readonly failure: () => string | undefined;
  /** Aborted when the reader of a pipe has left. */
  readonly unread: AbortSignal;
}

/**
 * Writes to a stream that may fail: a full disk, a closed terminal, a pipe whose reader left. Lines that cannot be written
 * are dropped; `onRecovered` is called with their number once a line gets through again.
 */
export function createLineSink(
  stream: NodeJS.WritableStream,
  onRecovered: (lost: number, reason: string) => void = () => undefined,
): LineSink {
  let lost = 0;
  let reason = '';
  let failure: string | undefined;
  const unread = new AbortController();
  // Failures are reported to the callback of each write; without a listener, the event would end the process.
  stream.on('error', () => undefined);
  return {
    write(text) {
      stream.write(text, (error) => {
        if (error instanceof Error) {
          lost += 1;
          reason = systemErrorCode(error) ?? error.message;
          if (reason === 'EPIPE') unread.abort(new ReaderLeft());
          else failure = reason;
        } else if (lost > 0) {
          const count = lost;
          lost = 0;
          onRecovered(count, reason);
        }
      });
    },
    failure: () => failure,
    unread: unread.signal,
  };
}
