import type { DownloadEvent } from '../hub/index.ts';
import { downloadLines, totalLine } from './download-lines.ts';
import { DownloadState } from './download-state.ts';
import type { Area, Output } from './output.ts';
import { formatBytes, formatDuration } from './printable.ts';
import { retryReporter } from './retry-reporter.ts';

const DRAW_MS = 100;
/** Between two lines, if there is no terminal to draw on. */
const LINE_MS = 5000;

interface ShownDownload {
  readonly onEvent: (event: DownloadEvent) => void;
  /** Ends the drawing. Later calls do nothing. */
  readonly end: () => void;
}

/**
 * Shows a download, if there is one: drawn on a terminal, otherwise as a line every few seconds. For a model that is
 * complete, nothing is printed. `onFraction` is told how much of it is done, from 0 to 1.
 */
export function downloadProgress(
  output: Output,
  now: () => number = () => performance.now(),
  onFraction: (fraction: number) => void = () => undefined,
): ShownDownload {
  const startMs = now();
  const state = new DownloadState(startMs);
  let area: Area | undefined;
  let timer: NodeJS.Timeout | undefined;
  let toldBytes = -1;
  const reportRetry = retryReporter(output);

  const draw = (): void => {
    if (area === undefined) output.log('info', totalLine(state, now()));
    else area.draw(downloadLines(state, area.columns, now()));
  };
  const start = (): void => {
    if (timer !== undefined || state.repository === '' || state.isDone) return;
    area = output.startArea();
    draw();
    timer = setInterval(draw, area === undefined ? LINE_MS : DRAW_MS);
  };
  const end = (): void => {
    clearInterval(timer);
    area?.end();
  };
  const say = (event: DownloadEvent): void => {
    if (event.type === 'plan' && event.reason !== undefined) output.log('info', event.reason);
    if (event.type === 'warning') output.log('warning', event.message);
    if (event.type === 'done' && area !== undefined && timer !== undefined) {
      area.above(`${output.style('dim', '✔')} ${event.path} (${formatBytes(event.bytes)})`);
    }
    reportRetry(event);
  };
  return {
    onEvent(event) {
      state.update(event, now());
      if (state.bytes > 0) onFraction(state.bytesDone / state.bytes);
      say(event);
      start();
      if (timer === undefined || !state.isDone) return;
      end();
      timer = undefined;
      // Files that are there already end the download again, one by one.
      if (state.bytesFetched === toldBytes) return;
      toldBytes = state.bytesFetched;
      const took = formatDuration(now() - startMs);
      output.note(`✔ Downloaded ${state.repository} (${formatBytes(state.bytesFetched)}) in ${took}`);
    },
    end,
  };
}
