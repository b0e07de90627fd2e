/** Variables by name; empty ones count as unset. */
export type Environment = Readonly<Record<string, string | undefined>>;
