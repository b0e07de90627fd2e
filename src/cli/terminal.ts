import { closeSync } from 'node:fs';
import { isatty } from 'node:tty';

/** Narrower than this, nothing that is drawn can be read. Docker and Kubernetes give terminals of no columns at all. */
const LEAST_COLUMNS = 20;
const DEFAULT_COLUMNS = 80;
const STANDARD_STREAMS = [0, 1, 2];

/** Whether a stream is a terminal wide enough to draw on. Spinners divide by its columns. */
export function isDrawable(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY && stream.columns >= LEAST_COLUMNS;
}

/** The width to lay a text out for. */
export function layoutColumns(stream: NodeJS.WriteStream): number {
  return isDrawable(stream) ? stream.columns : DEFAULT_COLUMNS;
}

/** Calls `stop` each time a terminal has become too narrow to draw on, before anything else is drawn. */
export function whenTooNarrow(stream: NodeJS.WriteStream, stop: () => void): () => void {
  const onResize = (): void => {
    if (!isDrawable(stream)) stop();
  };
  stream.prependListener('resize', onResize);
  return () => void stream.off('resize', onResize);
}

/**
 * Has the process end in order although its terminal was closed: Node restores the terminal's settings at the end, and
 * aborts where that fails. It leaves alone what is no longer open.
 */
export function surviveLostTerminal(): void {
  const terminals = STANDARD_STREAMS.filter((descriptor) => isatty(descriptor));
  process.on('exit', () => {
    for (const descriptor of terminals) if (!isatty(descriptor)) closeSync(descriptor);
  });
}
