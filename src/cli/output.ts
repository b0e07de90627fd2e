import { styleText } from 'node:util';
import type { LogLevel } from '../backend/index.ts';
import type { Settings } from '../settings/index.ts';
import type * as Drawing from './drawing.ts';
import { createLineSink } from './line-sink.ts';
import { formatDuration, printable, withoutControls, wrapped } from './printable.ts';
import type { Area, Task } from './task.ts';
import { percent } from './task.ts';
import { isDrawable, layoutColumns } from './terminal.ts';

export type { Area, Task } from './task.ts';

/** Minimum time between two lines about one task, if there is no terminal to draw on. */
const PROGRESS_LINE_MS = 5000;

const levels = { DEBUG: 'debug', INFO: 'info', WARNING: 'warning', ERROR: 'error' } as const;
const ranks: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warning: 2, error: 3 };
const colors = { debug: 'gray', info: 'cyan', warning: 'yellow', error: 'red' } as const;

/** The level that `--log-level` names. */
export function logLevelOf(name: Settings['logLevel']): LogLevel {
  return levels[name];
}

type LogFields = Readonly<Record<string, unknown>>;

/** How the log is written. */
export interface LogOutput {
  readonly format: 'text' | 'json';
  /** Stands in front of each line's message. */
  readonly prefix: string;
  /** Where else lines go, from this level on. */
  readonly file: LogSink | undefined;
}

export interface LogSink {
  readonly level: LogLevel;
  readonly write: (line: string) => void;
  /** Waits until everything is written. */
  readonly close: () => Promise<void>;
}

/** All that vserve prints. */
export interface Output {
  /** The minimum level that is printed. */
  level: LogLevel;
  /** A line of the log, on standard error and in the log's file. `fields` are for programs: `--log-format json`. */
  readonly log: (level: LogLevel, message: string, fields?: LogFields) => void;
  readonly configureLog: (settings: LogOutput) => void;
  /** Ends the log's file, if there is one. */
  readonly closeLog: () => Promise<void>;
  /** Prints the result of a command, on standard output. */
  readonly print: (text: string) => void;
  /** Prints a piece of the result. On a terminal, characters that would control it are escaped. */
  readonly write: (text: string, format?: 'dim') => void;
  /** Whether standard output is a terminal. */
  readonly isTerminal: boolean;
  /** The width of standard output; Infinity where that is no terminal. */
  readonly columns: () => number;
  /** Standard output itself, for what draws on it. */
  readonly terminal: NodeJS.WriteStream;
  /** Aborted with `ReaderLeft` when the reader of standard output has left. */
  readonly whenUnread: () => AbortSignal;
  /** Prints remarks on standard error, unless the level is above `info`. */
  readonly note: (text: string) => void;
  /** Prints the error that ended a command, on standard error. */
  readonly fail: (message: string) => void;
  /** Loads what draws on a terminal, where there is one: a help text needs none of it. */
  readonly prepare: () => Promise<void>;
  readonly startTask: () => Task;
  /** Undefined if standard error is not a terminal to draw on, or the level is above `info`. One at a time. */
  readonly startArea: () => Area | undefined;
  /** Bold or dim text, if standard error supports colors. */
  readonly style: (format: 'bold' | 'dim', text: string) => string;
  /** Why part of the result could not be written to standard output (`ENOSPC`, …); undefined if all of it was. */
  readonly printFailure: () => string | undefined;
}

/** Prints to these two streams: with colors and spinners on a terminal, otherwise plain lines. */
export function createOutput(stdout: NodeJS.WriteStream, stderr: NodeJS.WriteStream): Output {
  // Only terminals have hasColors.
  const useColors = stderr.isTTY && stderr.hasColors();
  const paint: Paint = (format, text) => (useColors ? styleText(format, text) : text);

  const paintError = (text: string): string => text.replace(/^Error:/, (word) => paint(['bold', 'red'], word));
  /** On a terminal, words are not cut. Lines after the first are indented by two columns. */
  const forReader = (text: string): string =>
    isDrawable(stderr) ? wrapped(printable(text), stderr.columns - 2) : text;

  const answers = createLineSink(stdout);
  const lines = createLineSink(stderr, (lost, reason) => {
    output.log('warning', `${lost} lines of this log could not be written (${reason}).`);
  });
  let drawing: typeof Drawing | undefined;
  /** What draws, where that is possible and wanted. */
  const drawer = (): typeof drawing => (isDrawable(stderr) && ranks[output.level] <= ranks.info ? drawing : undefined);

  let logOutput: LogOutput = { format: 'text', prefix: '', file: undefined };
  let area: Area | undefined;
  /** Writes whole lines, above the lines of an area. */
  const writeLines = (text: string): void => {
    if (area === undefined) lines.write(`${text}\n`);
    else area.above(text);
  };

  const output: Output = {
    level: 'info',
    log(level, message, fields) {
      const { format, prefix, file } = logOutput;
      const line = { time: new Date().toISOString(), level, message: prefix + message };
      const lineOf = (painted: typeof paint, columns?: number): string =>
        format === 'json' ? jsonLine(line, fields) : textLine(line, painted, columns);
      if (ranks[level] >= ranks[output.level])
        writeLines(lineOf(paint, isDrawable(stderr) ? stderr.columns : undefined));
      if (file !== undefined && ranks[level] >= ranks[file.level]) file.write(lineOf((_, text) => text));
    },
    configureLog: (settings) => (logOutput = settings),
    async closeLog() {
      const { file } = logOutput;
      logOutput = { ...logOutput, file: undefined };
      await file?.close();
    },
    print: (text) => answers.write(`${text}\n`),
    write(text, format) {
      const shown = stdout.isTTY ? withoutControls(text) : text;
      answers.write(format === undefined ? shown : paint(format, shown));
    },
    isTerminal: stdout.isTTY,
    columns: () => (stdout.isTTY ? layoutColumns(stdout) : Infinity),
    terminal: stdout,
    whenUnread: () => answers.unread,
    note(text) {
      if (ranks[output.level] <= ranks.info) writeLines(text);
    },
    fail(message) {
      const { format, prefix, file } = logOutput;
      const line = { time: new Date().toISOString(), level: 'error', message: prefix + message } as const;
      if (format === 'json') writeLines(jsonLine(line));
      else writeLines(paintError(indented(forReader(`Error: ${message}`))));
      file?.write(format === 'json' ? jsonLine(line) : textLine(line, (_, text) => text));
    },
    async prepare() {
      if (isDrawable(stderr)) drawing ??= await import('./drawing.ts');
    },
    startTask: () => drawer()?.spinnerTask(stderr) ?? plainTask((text) => output.log('info', text)),
    startArea() {
      area = drawer()?.drawnArea(stderr, () => (area = undefined));
      return area;
    },
    style: paint,
    printFailure: answers.failure,
  };
  return output;
}

interface LogLine {
  readonly time: string;
  readonly level: LogLevel;
  readonly message: string;
}

type Paint = (format: Parameters<typeof styleText>[0], text: string) => string;

/** `columns`: of a terminal, on which words are not cut. */
function textLine({ time, level, message }: LogLine, paint: Paint, columns?: number): string {
  const name = level.toUpperCase().padEnd(7);
  const before = '.'.repeat(time.length + name.length + 2);
  const text = columns === undefined ? message : wrapped(before + printable(message), columns - 2).slice(before.length);
  return `${paint('dim', time)} ${paint(colors[level], name)} ${indented(text)}`;
}

function jsonLine({ time, level, message }: LogLine, fields: LogFields = {}): string {
  const shown = Object.entries(fields).map(([name, value]) => [
    name,
    typeof value === 'string' ? printable(value) : value,
  ]);
  return JSON.stringify({ time, level, message: printable(message), ...Object.fromEntries(shown) });
}

/** Indents every line after the first, so that no message can forge a line of the log. */
function indented(message: string): string {
  return printable(message).trimEnd().replaceAll('\n', '\n  ');
}

function plainTask(line: (text: string) => void): Task {
  const start = performance.now();
  const shown = new Set<string>();
  let lastTime = 0;
  return {
    update(text, fraction) {
      const time = performance.now();
      if (shown.has(text) && time - lastTime < PROGRESS_LINE_MS) return;
      shown.add(text);
      lastTime = time;
      line(`${text} ${percent(fraction)}`);
    },
    succeed: (text) => line(`${text} in ${formatDuration(performance.now() - start)}`),
    end: () => undefined,
  };
}
