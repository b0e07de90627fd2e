import { format } from 'node:util';
import type { LogLevel } from '../backend/index.ts';
import type { Output } from './output.ts';

const consoleLevels = {
  error: 'warning',
  warn: 'warning',
  log: 'info',
  info: 'info',
  debug: 'debug',
  trace: 'debug',
} as const satisfies Partial<Record<keyof Console, LogLevel>>;

/**
 * Sends what libraries print on the console to the log. What they say of work that was stopped is of interest to
 * `--log-level DEBUG` only.
 */
export function captureConsole(output: Output, signal: AbortSignal): void {
  for (const [method, level] of Object.entries(consoleLevels)) {
    console[method as keyof typeof consoleLevels] = (...values: readonly unknown[]) => {
      output.log(signal.aborted ? 'debug' : level, format(...values.map(withoutStack)));
    };
  }
}

function withoutStack(value: unknown): unknown {
  return value instanceof Error ? value.message : value;
}
