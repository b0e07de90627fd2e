import { readFileSync } from 'node:fs';

/** Families of versioned symbols in an ELF file: what a system must have at least of each, `GLIBC` → `2.34`. */
export type SymbolVersions = ReadonlyMap<string, string>;

/** The newest versions of symbols that an ELF file asks for. Reads the names in its table of strings. */
export function symbolVersions(path: string): SymbolVersions {
  const newest = new Map<string, string>();
  const names = readFileSync(path, 'latin1').matchAll(/\0(GLIBC|GLIBCXX|CXXABI|GCC)_(\d+(?:\.\d+)*)(?=\0)/g);
  for (const [, family = '', version = ''] of names) {
    const known = newest.get(family);
    if (known === undefined || isNewer(version, known)) newest.set(family, version);
  }
  return newest;
}

/** Whether version `a` comes after `b`, number by number. */
export function isNewer(a: string, b: string): boolean {
  return a.localeCompare(b, 'en', { numeric: true }) > 0;
}
