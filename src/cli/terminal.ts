import { closeSync } from 'node:fs';
import { isatty } from 'node:tty';

/** Narrower drawings are unreadable. Docker and Kubernetes create terminals of 0 columns. */
const LEAST_COLUMNS = 20;
const DEFAULT_COLUMNS = 80;
const STANDARD_STREAMS = [0, 1, 2];

/** Whether a stream is a terminal wide enough to draw on. Spinners divide by the number of columns. */
export function isDrawable(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY && stream.columns >= LEAST_COLUMNS;
}

/** The width for laying out text. */
export function layoutColumns(stream: NodeJS.WriteStream): number {
  return isDrawable(stream) ? stream.columns : DEFAULT_COLUMNS;
}

/** Calls `stop` when a terminal becomes too narrow to draw on, before anything else is drawn. */
export function whenTooNarrow(stream: NodeJS.WriteStream, stop: () => void): () => void {
  const onResize = (): void => {
    if (!isDrawable(stream)) stop();
  };
  stream.prependListener('resize', onResize);
  return () => void stream.off('resize', onResize);
}

/**
 * Lets the process exit normally after its terminal was closed: on exit, Node restores the terminal's settings, and aborts
 * if that fails. It skips closed descriptors.
 */
export function surviveLostTerminal(): void {
  const terminals = STANDARD_STREAMS.filter((descriptor) => isatty(descriptor));
  process.on('exit', () => {
    for (const descriptor of terminals) if (!isatty(descriptor)) closeSync(descriptor);
  });
}
