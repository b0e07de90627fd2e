/** The values whose keys are in a table. */
export function pick<T extends object, K extends keyof T>(values: T, table: Readonly<Record<K, unknown>>): Pick<T, K> {
  return Object.fromEntries(Object.entries(values).filter(([key]) => Object.hasOwn(table, key))) as Pick<T, K>;
}
