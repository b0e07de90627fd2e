import type { DownloadState, FileState } from './download-state.ts';
import { formatBytes, printable } from './printable.ts';

const BAR_WIDTH = 20;
/** Maximum files shown at a time. */
const MOST_FILES = 8;

/** The drawing of a download on a terminal of `columns`: a line per active file, and the total. */
export function downloadLines(state: DownloadState, columns: number, nowMs: number): string[] {
  const active = state.files.filter(({ stage }) => stage === 'fetching' || stage === 'checking').slice(0, MOST_FILES);
  const nameWidth = Math.max(...active.map(({ path }) => printable(path).length), 5);
  const lines = active.map((file) => fileLine(file, nameWidth, columns));
  return [...lines, fit(totalLine(state, nowMs), columns)];
}

/** A download in one line. */
export function totalLine(state: DownloadState, nowMs: number): string {
  const { files, bytes, bytesDone, repository } = state;
  const done = files.filter(({ stage }) => stage === 'done').length;
  const of = `${formatBytes(bytesDone)} of ${formatBytes(bytes)} (${percent(bytesDone, bytes)})`;
  return [`Downloading ${repository}: ${of}`, `${done} of ${files.length} files`, ...speed(state, nowMs)].join(', ');
}

function speed(state: DownloadState, nowMs: number): string[] {
  const left = state.bytes - state.bytesDone;
  if (left === 0) return ['checking'];
  const rate = state.meter.rate(nowMs);
  const stalledMs = state.meter.stalledMs(nowMs);
  if (stalledMs !== undefined) return [`stalled for ${minutesAndSeconds(stalledMs)}`];
  if (rate === 0) return [];
  return [`${formatBytes(rate)}/s`, `${minutesAndSeconds((left / rate) * 1000)} left`];
}

function minutesAndSeconds(milliseconds: number): string {
  const minutes = Math.floor(milliseconds / 60_000);
  if (minutes >= 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return minutes > 0
    ? `${minutes} min ${Math.floor((milliseconds % 60_000) / 1000)} s`
    : `${Math.ceil(milliseconds / 1000)} s`;
}

function fileLine({ path, bytes, bytesDone, stage }: FileState, nameWidth: number, columns: number): string {
  const amount =
    stage === 'checking' ? `${formatBytes(bytes)}, checking` : `${formatBytes(bytesDone)} of ${formatBytes(bytes)}`;
  const width = Math.min(nameWidth, Math.max(columns - BAR_WIDTH - 34, 12));
  const name = shorten(printable(path), width).padEnd(width);
  const filled = bytes === 0 ? BAR_WIDTH : Math.floor((bytesDone / bytes) * BAR_WIDTH);
  const bar = '━'.repeat(filled) + '╌'.repeat(BAR_WIDTH - filled);
  return fit(`  ${name}  ${bar} ${percent(bytesDone, bytes).padStart(5)}  ${amount}`, columns);
}

/** Keeps both ends of a name, as shards differ at the end. */
function shorten(name: string, width: number): string {
  if (name.length <= width) return name;
  const end = Math.floor((width - 1) / 2);
  return `${name.slice(0, width - 1 - end)}…${name.slice(name.length - end)}`;
}

function fit(line: string, columns: number): string {
  return line.length < columns ? line : `${line.slice(0, columns - 2)}…`;
}

function percent(done: number, of: number): string {
  return `${of === 0 ? 100 : Math.floor((done / of) * 100)} %`;
}
