/** A route, as hono lists them. */
interface Route {
  readonly method: string;
  readonly path: string;
}

interface KnownPath {
  readonly path: string;
  readonly pattern: RegExp;
  readonly methods: string[];
}

/** How alike two paths are that one is taken for a misspelling of the other, from 0 to 1. */
const ALIKE = 0.6;

/**
 * The paths of all routes, and the ways in which clients write them: they combine base URLs with and without `/v1` or a
 * trailing slash with all kinds of paths.
 */
export class RoutePaths {
  readonly #known = new Map<string, KnownPath>();
  /** Those with parameters. */
  readonly #patterns: KnownPath[] = [];

  /** Adds the routes of an app, but for those that match any method: they are no routes of their own. */
  add(routes: readonly Route[]): void {
    for (const { method, path } of routes) {
      if (method === 'ALL') continue;
      const known = this.#known.get(path) ?? { path, pattern: patternOf(path), methods: [] };
      if (!this.#known.has(path)) {
        this.#known.set(path, known);
        if (path.includes(':')) this.#patterns.push(known);
      }
      if (!known.methods.includes(method)) known.methods.push(method);
    }
  }

  /** The paths, and the methods of each, in the order in which they were added. */
  get all(): readonly { readonly path: string; readonly methods: readonly string[] }[] {
    return [...this.#known.values()];
  }

  /**
   * The path that is routed for the path of a URL: `//v1/models`, `/v1/v1/models`, `/models` and `/v1/models/` all mean
   * `/v1/models`, and `/v1/api/tags` means `/api/tags`.
   */
  resolve(pathname: string): string {
    const path = pathname.replaceAll(/\/{2,}/g, '/').replace(/(?<=.)\/$/, '');
    if (this.#has(path)) return path;
    const bare = path.replace(/^(?:\/v1)+(?=\/|$)/, '');
    return [`/v1${bare}`, bare].find((candidate) => this.#has(candidate)) ?? path;
  }

  /** The route, with its method, whose path is most like a path that there is not; undefined if none is like it. */
  nearest(pathname: string): string | undefined {
    const given = pairsOf(pathname);
    const [best] = [...this.#known.values()]
      .map(({ path, methods }) => ({ path, method: methods[0], likeness: likeness(given, pairsOf(path)) }))
      .filter(({ likeness }) => likeness >= ALIKE)
      .sort((a, b) => b.likeness - a.likeness);
    return best === undefined ? undefined : `${String(best.method)} ${routeName(best.path)}`;
  }

  #has(path: string): boolean {
    return this.#known.has(path) || this.#patterns.some(({ pattern }) => pattern.test(path));
  }
}

/** The path of a route as documented: `/v1/models/{id}`. */
export function routeName(path: string): string {
  return path.replaceAll(/:(\w+)(?:\{[^}]*\})?/g, '{$1}');
}

/** Matches the paths of a route, whose parameters may have expressions of their own: `/v1/models/:id{.+}`. */
function patternOf(path: string): RegExp {
  const parts = path.split(/(:\w+(?:\{[^}]*\})?)/).map((part, index) => {
    if (index % 2 === 0) return part.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
    return `(?:${/\{(.*)\}$/.exec(part)?.[1] ?? '[^/]+'})`;
  });
  return new RegExp(`^${parts.join('')}$`);
}

/** The pairs of neighbouring characters of a path, without the version: most have it, so it tells nothing. */
function pairsOf(path: string): ReadonlySet<string> {
  const text = path
    .slice(0, 200)
    .toLowerCase()
    .replaceAll(/\/v1(?=\/|$)/g, '');
  return new Set(Array.from({ length: Math.max(0, text.length - 1) }, (_, index) => text.slice(index, index + 2)));
}

/** Dice's coefficient of two sets. */
function likeness(one: ReadonlySet<string>, other: ReadonlySet<string>): number {
  if (one.size + other.size === 0) return 0;
  const shared = [...one].filter((pair) => other.has(pair)).length;
  return (2 * shared) / (one.size + other.size);
}
