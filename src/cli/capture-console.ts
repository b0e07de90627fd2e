import { format } from 'node:util';
import type { Output } from './output.ts';

const METHODS = ['error', 'warn', 'log', 'info', 'debug', 'trace'] as const;

/** Redirects the console, which only libraries use, to the log, at level `debug`. */
export function captureConsole(output: Output): void {
  for (const method of METHODS) {
    console[method] = (...values: readonly unknown[]) => output.log('debug', format(...values));
  }
}
