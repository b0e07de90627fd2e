import { format } from 'node:util';
import type { Output } from './output.ts';

const METHODS = ['error', 'warn', 'log', 'info', 'debug', 'trace'] as const;

/** Sends what libraries print on the console to the log, for `--log-level DEBUG`: only this room prints. */
export function captureConsole(output: Output): void {
  for (const method of METHODS) {
    console[method] = (...values: readonly unknown[]) => output.log('debug', format(...values));
  }
}
