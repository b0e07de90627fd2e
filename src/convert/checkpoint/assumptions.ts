import { AsyncLocalStorage } from 'node:async_hooks';

/** A number that a configuration leaves out, and the one that was taken in its place. */
export interface Assumption {
  /** `config.json: text_config` */
  readonly where: string;
  readonly field: string;
  readonly value: number;
}

const assumed = new AsyncLocalStorage<Assumption[]>();
let runs = 0;

/** Gives what `run` gives, and what was assumed meanwhile. */
export async function withAssumptions<Result>(
  run: () => Promise<Result>,
): Promise<{ readonly result: Result; readonly assumptions: readonly Assumption[] }> {
  const assumptions: Assumption[] = [];
  runs += 1;
  try {
    return { result: await assumed.run(assumptions, run), assumptions };
  } finally {
    runs -= 1;
    // While it is enabled, Node calls hooks for every promise of the process.
    if (runs === 0) assumed.disable();
  }
}

/** Notes which numbers of a configuration that was read do not stand in it. */
export function noteAssumptions(where: string, given: unknown, read: unknown): void {
  const found = assumed.getStore();
  if (found === undefined || typeof given !== 'object' || typeof read !== 'object' || !given || !read) return;
  for (const [field, value] of Object.entries(read)) {
    if (typeof value === 'number' && !Object.hasOwn(given, field)) found.push({ where, field, value });
  }
}
