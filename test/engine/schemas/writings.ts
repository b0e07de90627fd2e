import type { JsonObject, JsonValue } from '../../../src/backend/index.ts';

const mostWritings = 130;

/** How a value may be written where white space is no choice: its keys in every order, up to a number. */
export function writings(value: JsonValue): string[] {
  if (Array.isArray(value))
    return combine(value.map((item) => writings(item as JsonValue))).map((items) => `[${items.join(', ')}]`);
  if (typeof value !== 'object' || value === null) return [JSON.stringify(value)];
  const entries = Object.entries(value as JsonObject).map(([key, inner]) =>
    writings(inner).map((text) => `${JSON.stringify(key)}: ${text}`),
  );
  return orders(entries)
    .flatMap((order) => combine(order).map((members) => `{${members.join(', ')}}`))
    .slice(0, mostWritings);
}

function orders<T>(items: readonly T[]): (readonly T[])[] {
  if (items.length < 2 || items.length > 5) return [items];
  return items.flatMap((item, i) => orders(items.filter((_, j) => j !== i)).map((rest) => [item, ...rest]));
}

function combine(parts: readonly (readonly string[])[]): (readonly string[])[] {
  return parts.reduce<(readonly string[])[]>(
    (all, part) => all.flatMap((head) => part.map((text) => [...head, text])).slice(0, mostWritings),
    [[]],
  );
}
