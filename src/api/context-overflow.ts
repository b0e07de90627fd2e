/** How much longer than the context a prompt is. */
export interface ContextOverflow {
  /** At least so many. */
  readonly promptTokens: number;
  readonly contextLength: number;
}

/** The numbers in the message of a `context_length_exceeded`, where it has them as most servers write them. */
export function overflowIn(message: string): ContextOverflow | undefined {
  const most = /maximum context length is (\d+)/.exec(message)?.[1];
  const given = /(?:prompt|input) has (?:more than )?(\d+)/.exec(message)?.[1];
  if (most === undefined || given === undefined) return undefined;
  return { promptTokens: Number(given), contextLength: Number(most) };
}
