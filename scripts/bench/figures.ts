/** The contenders, in the order of the table's columns. */
export const contenders = [
  'vserve',
  'llama-server',
  'llama-server --swa-full',
  "vserve's engine",
  'llama-batched-bench',
] as const;
export type Contender = (typeof contenders)[number];

export type Unit =
  | 'tokens/s'
  | 'ms'
  | 'µs'
  | 'MB'
  | 'tokens'
  | '% of cold'
  | '× alone'
  | '× direct'
  | '× without'
  | '× free text'
  | '× a step'
  | '% of the best fixed number of threads';

/** One line of the table. More is better for tokens/s, less for everything else. */
export interface Figure {
  readonly name: string;
  readonly unit: Unit;
  /** Every measurement, in the order of the rounds. */
  readonly values: Partial<Record<Contender, Measurement[]>>;
}

export interface Measurement {
  readonly value: number;
  /** CPUs kept busy by other programs meanwhile; undefined if unknown. */
  readonly foreignCpus: number | undefined;
}

/** The readings of one run of a load for one contender. */
export interface Reading {
  readonly name: string;
  readonly unit: Unit;
  readonly value: number;
}

/** Appends readings to the figures of the same name, adding missing ones. */
export function record(
  figures: Map<string, Figure>,
  contender: Contender,
  readings: readonly Reading[],
  foreignCpus: number | undefined,
): void {
  for (const { name, unit, value } of readings) {
    const figure = figures.get(name) ?? { name, unit, values: {} };
    figures.set(name, figure);
    (figure.values[contender] ??= []).push({ value, foreignCpus });
  }
}
