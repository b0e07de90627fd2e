import { readlink } from 'node:fs/promises';
import { dirname, isAbsolute, join, parse, resolve, sep } from 'node:path';

/** The limit of Linux. */
const MAX_SYMLINKS = 40;

/**
 * Resolves symbolic links, `.` and `..` as far as the path exists, and appends the rest unchanged. It never fails and never
 * reveals what exists: a path that cannot be followed (no permission, a loop) is resolved as if it ended there.
 */
export async function resolveLinks(path: string): Promise<string> {
  let resolved = parse(path).root;
  const remaining = componentsOf(path);
  let links = 0;
  for (let name = remaining.shift(); name !== undefined; name = remaining.shift()) {
    if (name === '..') {
      resolved = dirname(resolved);
      continue;
    }
    const next = join(resolved, name);
    // EINVAL: not a link. Any other failure shows when the file is opened, if that is allowed.
    const target = await readlink(next).catch(() => undefined);
    if (target === undefined || ++links > MAX_SYMLINKS) {
      resolved = next;
      continue;
    }
    if (isAbsolute(target)) resolved = parse(target).root;
    remaining.unshift(...componentsOf(target));
  }
  return resolved;
}

/** A folder as it was given, and with its symbolic links resolved. */
export interface Root {
  readonly named: string;
  readonly resolved: string;
}

/**
 * The path with symbolic links resolved, if it lies in one of the roots; otherwise undefined. Nothing outside the roots is
 * looked at, so that nothing is revealed about it: a link that leads out ends the search.
 */
export async function resolveInside(path: string, roots: readonly Root[]): Promise<string | undefined> {
  let wanted = resolve(path);
  for (let links = 0; ;) {
    const root = roots.find(({ named, resolved }) => isInside(wanted, resolved) || isInside(wanted, named));
    if (root === undefined) return undefined;
    const base = isInside(wanted, root.resolved) ? root.resolved : root.named;
    const names = wanted.slice(base.length).split(sep).filter(Boolean);
    let found = root.resolved;
    let target: string | undefined;
    for (let name = names.shift(); name !== undefined && target === undefined; name = names.shift()) {
      const next = join(found, name);
      target = await readlink(next).catch(() => undefined);
      if (target === undefined) found = next;
      else wanted = resolve(found, target, ...names);
    }
    if (target === undefined || ++links > MAX_SYMLINKS) return found;
  }
}

/** Whether a resolved path is a resolved folder or lies below it. */
export function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

function componentsOf(path: string): string[] {
  return path
    .slice(parse(path).root.length)
    .split(sep)
    .filter((name) => name !== '' && name !== '.');
}
