import { readlink } from 'node:fs/promises';
import { dirname, isAbsolute, join, parse, sep } from 'node:path';

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
