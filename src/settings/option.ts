import type { Environment } from './environment.ts';

/** The values of an option, and how they are written as text. */
export interface ValueKind<T> {
  /** Checks a value from any source. Undefined if it may not be. */
  readonly accept: (value: unknown) => { readonly value: T } | undefined;
  /** Parses the text of a variable or flag; invalid text is returned unchanged, to be refused. */
  readonly parseText: (text: string) => unknown;
  /** Completes "it must be …" in an error. */
  readonly allowed: string;
  /** `switch` is `--x` and `--no-x`; `list` may be repeated; `value` takes one argument. */
  readonly form: 'value' | 'switch' | 'list';
  /** The values for the help, if there are only a few. */
  readonly values?: readonly string[];
  /** Formats a value, where the usual way is not readable. */
  readonly show?: (value: unknown) => string | undefined;
}

/** The headings of the help, in their order. */
export const groups = [
  'Model',
  'Conversion',
  'Hub',
  'Engine',
  'Upstreams',
  'Server',
  'Images',
  'Request',
  'Benchmark',
  'General',
] as const;

/** One option: everything that the program knows about it. */
export interface Option<T> {
  readonly group: (typeof groups)[number];
  /** Long flags without dashes; the first is the name, the others are aliases. Empty if there is no flag. */
  readonly flags: readonly string[];
  /** Names the argument in the help, as in `--port <port>`. */
  readonly argument?: string;
  readonly environment?: string;
  /** Other names of the variable, with lower precedence. */
  readonly environmentAliases?: readonly string[];
  /**
   * Whether the variable is also read from the `.env` file of the current folder, which may be anyone's: true for nothing
   * that names a program to run, a place that a secret is sent to or read from, a folder of code or models, or that
   * lowers the server's guard.
   */
  readonly inDotEnv?: true;
  /** The value is never shown. */
  readonly secret?: true;
  /** False if the option cannot be in a configuration file. */
  readonly inConfigFile?: false;
  readonly help: string;
  readonly kind: ValueKind<T>;
  /** A value, or a function of the environment. */
  readonly default: NoInfer<T> | ((environment: Environment) => NoInfer<T>);
  /** How the help and the configuration print the default, if the value itself is not meaningful. */
  readonly defaultText?: string;
}

/** Declares an option; types the entry of the table. */
export function option<T>(declaration: Option<T>): Option<T> {
  return declaration;
}

/** The default of an option, in the environment of this process unless another is given. */
export function defaultOf<T>({ default: standard }: Option<T>, environment: Environment = process.env): T {
  // No option has functions as values.
  return typeof standard === 'function' ? (standard as (environment: Environment) => T)(environment) : standard;
}
