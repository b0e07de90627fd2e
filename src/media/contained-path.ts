import { readlink } from 'node:fs/promises';
import { dirname, isAbsolute, join, parse, resolve, sep } from 'node:path';

/** As Linux has it. */
const MAX_SYMLINKS = 40;

/**
 * An absolute path without symbolic links, `.` and `..`, as far as it exists; the rest is appended as it is. It never fails and
 * never says what exists: a path that cannot be followed (no permission, a loop) is resolved as if it ended there.
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
    // It fails with EINVAL where there is no link. Any other failure shows when the file is opened, if that is allowed.
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

/** A folder as it was named, and without symbolic links. */
export interface Root {
  readonly named: string;
  readonly resolved: string;
}

/**
 * The path, without symbolic links, of what lies in one of the roots; undefined for anything else. Nothing outside of
 * them is looked at, so that nobody learns what is there: a link that leads out ends the search.
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

/** Whether a resolved path lies below a resolved folder. The folder itself does too. */
export function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

function componentsOf(path: string): string[] {
  return path
    .slice(parse(path).root.length)
    .split(sep)
    .filter((name) => name !== '' && name !== '.');
}
