import { styleText } from 'node:util';
import { createLogUpdate } from 'log-update';
import ora from 'ora';
import type { LogLevel } from '../backend/index.ts';
import type { Settings } from '../settings/index.ts';
import { createLineSink } from './line-sink.ts';
import { formatDuration, printable } from './printable.ts';
import { isDrawable, whenTooNarrow } from './terminal.ts';

/** Minimum time between two lines about one task, if there is no terminal to draw on. */
const PROGRESS_LINE_MS = 5000;

const levels = { DEBUG: 'debug', INFO: 'info', WARNING: 'warning', ERROR: 'error' } as const;
const ranks: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warning: 2, error: 3 };
const colors = { debug: 'gray', info: 'cyan', warning: 'yellow', error: 'red' } as const;

/** The level that `--log-level` names. */
export function logLevelOf(name: Settings['logLevel']): LogLevel {
  return levels[name];
}

/** A long-running step. */
export interface Task {
  /** Shows what is being done, and its progress from 0 to 1. */
  readonly update: (text: string, fraction: number) => void;
  /** Ends the task with a line that says what was done, and how long it took. */
  readonly succeed: (text: string) => void;
  /** Ends the task silently. Later calls do nothing. */
  readonly end: () => void;
}

/** Lines at the end of a terminal that are redrawn. */
export interface Area {
  readonly columns: number;
  readonly draw: (lines: readonly string[]) => void;
  /** Prints a permanent line above. */
  readonly above: (line: string) => void;
  /** Removes what is drawn. */
  readonly end: () => void;
}

/** All that vserve prints. */
export interface Output {
  /** The minimum level that is printed. */
  level: LogLevel;
  /** A line of the log, on standard error. */
  readonly log: (level: LogLevel, message: string) => void;
  /** Prints the result of a command, on standard output. */
  readonly print: (text: string) => void;
  /** Prints remarks on standard error, unless the level is above `info`. */
  readonly note: (text: string) => void;
  /** Prints the error that ended a command, on standard error. */
  readonly fail: (message: string) => void;
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
  const paint = (format: Parameters<typeof styleText>[0], text: string) => (useColors ? styleText(format, text) : text);

  const answers = createLineSink(stdout);
  const lines = createLineSink(stderr, (lost, reason) => {
    output.log('warning', `${lost} lines of this log could not be written (${reason}).`);
  });
  const draws = (): boolean => isDrawable(stderr) && ranks[output.level] <= ranks.info;

  let area: Area | undefined;
  /** Writes whole lines, above the lines of an area. */
  const writeLines = (text: string): void => {
    if (area === undefined) lines.write(`${text}\n`);
    else area.above(text);
  };

  const output: Output = {
    level: 'info',
    log(level, message) {
      if (ranks[level] < ranks[output.level]) return;
      const time = paint('dim', new Date().toISOString());
      const label = paint(colors[level], level.toUpperCase().padEnd(7));
      writeLines(`${time} ${label} ${indented(message)}`);
    },
    print: (text) => answers.write(`${text}\n`),
    note(text) {
      if (ranks[output.level] <= ranks.info) writeLines(text);
    },
    fail: (message) => writeLines(`${paint(['bold', 'red'], 'Error:')} ${indented(message)}`),
    startTask: () => (draws() ? spinnerTask(stderr) : plainTask((text) => output.log('info', text))),
    startArea() {
      if (!draws()) return undefined;
      area = drawnArea(stderr, () => (area = undefined));
      return area;
    },
    style: paint,
    printFailure: answers.failure,
  };
  return output;
}

/** Indents every line after the first, so that no message can forge a line of the log. */
function indented(message: string): string {
  return printable(message).trimEnd().replaceAll('\n', '\n  ');
}

function drawnArea(stream: NodeJS.WriteStream, onEnd: () => void): Area {
  const update = createLogUpdate(stream);
  return {
    get columns() {
      return stream.columns;
    },
    draw(lines) {
      if (isDrawable(stream)) update(lines.join('\n'));
    },
    above(line) {
      if (isDrawable(stream)) update.persist(line);
      else stream.write(`${line}\n`);
    },
    end() {
      update.clear();
      update.done();
      onEnd();
    },
  };
}

function spinnerTask(stream: NodeJS.WriteStream): Task {
  const start = Date.now();
  const spinner = ora({ stream, discardStdin: false });
  // It redraws on its own timer.
  const stopListening = whenTooNarrow(stream, () => void spinner.stop());
  return {
    update(text, fraction) {
      spinner.text = `${printable(text)} ${percent(fraction)}`;
      if (!spinner.isSpinning && isDrawable(stream)) spinner.start();
    },
    succeed(text) {
      stopListening();
      spinner.succeed(`${printable(text)} in ${formatDuration(Date.now() - start)}`);
    },
    end() {
      stopListening();
      spinner.stop();
    },
  };
}

function plainTask(line: (text: string) => void): Task {
  const start = Date.now();
  const shown = new Set<string>();
  let lastTime = 0;
  return {
    update(text, fraction) {
      const time = Date.now();
      if (shown.has(text) && time - lastTime < PROGRESS_LINE_MS) return;
      shown.add(text);
      lastTime = time;
      line(`${text} ${percent(fraction)}`);
    },
    succeed: (text) => line(`${text} in ${formatDuration(Date.now() - start)}`),
    end: () => undefined,
  };
}

function percent(fraction: number): string {
  return `${Math.floor(Math.min(Math.max(fraction, 0), 1) * 100)} %`;
}
