/** Integers from 0 to `limit`, exclusive. */
export type Below = (limit: number) => number;

/** Mutates one to four places of a file (bits, runs of bytes, cuts, repetitions), most often near its start. */
export function mutateBytes(original: Buffer, below: Below): Buffer {
  let file = Buffer.from(original);
  for (let changes = 1 + below(4); changes > 0 && file.length > 0; changes -= 1) {
    const at = below(below(2) === 0 ? Math.min(file.length, 200) : file.length);
    const end = Math.min(file.length, at + 1 + below(below(10) > 0 ? 8 : file.length));
    switch (below(6)) {
      case 0:
        file[at] = (file[at] ?? 0) ^ (1 << below(8));
        break;
      case 1:
        file.fill(below(256), at, end);
        break;
      case 2:
        file.fill(below(2) === 0 ? 0 : 255, at, end);
        break;
      case 3:
        file = file.subarray(0, at);
        break;
      case 4:
        file = Buffer.concat([file.subarray(0, at), file.subarray(end)]);
        break;
      case 5:
        file = Buffer.concat([file.subarray(0, end), file.subarray(at)]);
        break;
    }
  }
  return file;
}

const oddNumbers = [
  0,
  -1,
  1,
  2,
  3,
  0.5,
  -0,
  255,
  4096,
  65_536,
  2 ** 24,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  -(2 ** 63),
  1e308,
  1e-308,
];
const oddTexts = ['', 'x', '\u0000', '-1', 'a'.repeat(10_000)];

/** Unexpected values in configurations. */
const oddValues: readonly unknown[] = [...oddNumbers, ...oddTexts, null, true, [], {}, [[]], [null], { a: { a: {} } }];

/** A copy of a JSON value with one to three places changed, removed, duplicated or swapped. */
export function mutateJson(original: unknown, below: Below): unknown {
  let root = structuredClone(original);
  for (let changes = 1 + below(3); changes > 0; changes -= 1) {
    const places = placesOf(root);
    const place = places[below(places.length)];
    if (place === undefined) return oddValues[below(oddValues.length)];
    const { parent, key } = place;
    const elsewhere = places[below(places.length)] ?? place;
    switch (below(8)) {
      case 0:
        if (Array.isArray(parent)) parent.splice(Number(key), 1);
        else delete parent[key];
        break;
      case 1:
        put(parent, key, structuredClone(elsewhere.parent[elsewhere.key]));
        break;
      case 2:
        if (Array.isArray(parent)) parent.splice(Number(key), 0, parent[Number(key)]);
        else put(parent, `${key}_`, parent[key]);
        break;
      case 3:
        if (below(20) === 0) root = oddValues[below(oddValues.length)];
        break;
      default:
        put(parent, key, structuredClone(oddValues[below(oddValues.length)]));
    }
  }
  return root;
}

type Container = Record<string, unknown>;

function placesOf(value: unknown, places: { parent: Container; key: string }[] = []): typeof places {
  if (typeof value !== 'object' || value === null) return places;
  const parent = value as Container;
  for (const key of Object.keys(parent)) {
    places.push({ parent, key });
    placesOf(parent[key], places);
  }
  return places;
}

/** Sets a property as JSON.parse would: `__proto__` is a key like any other. */
function put(parent: Container, key: string, value: unknown): void {
  Object.defineProperty(parent, key, { value, writable: true, enumerable: true, configurable: true });
}
