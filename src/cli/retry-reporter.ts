import type { DownloadEvent } from '../hub/index.ts';
import type { Output } from './output.ts';

/** Reports retries, each reason once while it stays the same: eight broken connections would report it eight times. */
export function retryReporter(output: Pick<Output, 'log'>): (event: DownloadEvent) => void {
  let lastReason = '';
  return (event) => {
    if (event.type !== 'retry' || event.reason === lastReason) return;
    lastReason = event.reason;
    output.log('info', `${event.reason} Trying again.`);
  };
}
