/**
 * The model that a model was made from, `org/name`, as its card tells: the `base_model` in the YAML at the beginning of
 * README.md. Undefined where it names none, or several.
 */
export async function baseModelOf(card: string): Promise<string | undefined> {
  const [, front] = /^\uFEFF?---\r?\n([^]*?)\r?\n---/.exec(card) ?? [];
  if (front === undefined) return undefined;
  const { parse } = await import('yaml');
  try {
    const values: unknown = parse(front, { logLevel: 'silent' });
    const base =
      typeof values === 'object' && values !== null && 'base_model' in values ? values.base_model : undefined;
    const names: readonly unknown[] = Array.isArray(base) ? base : [base];
    return names.length === 1 && isRepositoryName(names[0]) ? names[0] : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a value can be printed as the id of a model on the Hub. */
export function isRepositoryName(value: unknown): value is string {
  return typeof value === 'string' && /^[\w.-]{1,96}\/[\w.-]{1,96}$/.test(value);
}
