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

/** A fraction from 0 to 1 in per cent. */
export function percent(fraction: number): string {
  return `${Math.floor(Math.min(Math.max(fraction, 0), 1) * 100)} %`;
}
