import type { z } from 'zod';
import type { Environment } from './environment.ts';

/** What values an option takes and how they are written as text. */
export interface ValueKind<T> {
  /** Judges a value, whichever source it came from. */
  readonly schema: z.ZodType<T>;
  /** Reads the text of an environment variable or a flag; text that does not fit is returned for the schema to refuse. */
  readonly parseText: (text: string) => unknown;
  /** Completes "it must be …" in an error. */
  readonly allowed: string;
  /** `switch` is `--x` and `--no-x`; `list` may be repeated; `value` takes one argument. */
  readonly form: 'value' | 'switch' | 'list';
  /** The values for the help, where there are only a few. */
  readonly values?: readonly string[];
  /** Writes a value for people; undefined where the usual way will do. */
  readonly show?: (value: unknown) => string | undefined;
}

/** The headings of the help, in their order. */
export const groups = ['Model', 'Conversion', 'Hub', 'Engine', 'Server', 'Images', 'General'] as const;

/** One option: everything that any part of the program needs to know about it. */
export interface Option<T> {
  readonly group: (typeof groups)[number];
  /** Long flags without dashes; the first is the name, the others are aliases. Empty where there is no flag. */
  readonly flags: readonly string[];
  /** Names the argument in the help, as in `--port <port>`. */
  readonly argument?: string;
  readonly environment?: string;
  /** Other names of the variable, which go after it. */
  readonly environmentAliases?: readonly string[];
  /**
   * Whether the variable is also read from the `.env` file of the current folder, which may be anyone's: true for nothing
   * that names a program to run, a place that a secret is sent to or read from, or a folder of code.
   */
  readonly inDotEnv?: true;
  /** The value is never shown. */
  readonly secret?: true;
  /** False where the option cannot stand in a configuration file. */
  readonly inConfigFile?: false;
  readonly help: string;
  readonly kind: ValueKind<T>;
  /** A value, or how it follows from the environment. */
  readonly default: NoInfer<T> | ((environment: Environment) => NoInfer<T>);
  /** How the help and the configuration print the default, where the value itself would say too little. */
  readonly defaultText?: string;
}

/** Declares an option; gives the entry of the table its type. */
export function option<T>(declaration: Option<T>): Option<T> {
  return declaration;
}

/** The default of an option in an environment: that of this process unless another is given. */
export function defaultOf<T>({ default: standard }: Option<T>, environment: Environment = process.env): T {
  // No kind has functions for values.
  return typeof standard === 'function' ? (standard as (environment: Environment) => T)(environment) : standard;
}
