/** What one check has found. */
export interface Finding {
  /** `fail`: serving will not work. `warn`: something may not, or is slower than it could be. */
  readonly status: 'ok' | 'warn' | 'fail';
  readonly detail: string;
  /** What to do. */
  readonly advice?: string;
}

export interface Check {
  readonly name: string;
  /** Whatever it throws is a failure. */
  readonly run: () => Promise<Finding>;
}

export function ok(detail: string): Finding {
  return { status: 'ok', detail };
}

export function warn(detail: string, advice: string): Finding {
  return { status: 'warn', detail, advice };
}

export function fail(detail: string, advice: string): Finding {
  return { status: 'fail', detail, advice };
}
