import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** What `npm pack` says about a tarball. */
export interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string; readonly size: number }[];
  /** Bytes of the tarball. */
  readonly size: number;
  readonly unpackedSize: number;
}

/** Makes the tarball of the package in `folder`, whose own scripts run only if asked to. Returns its path. */
export function pack(folder: string, destination: string, { scripts = false } = {}): string {
  const ignore = scripts ? [] : ['--ignore-scripts'];
  const args = ['pack', '--json', ...ignore, '--pack-destination', destination];
  // There npm is a batch file, which only a shell runs.
  const shell = process.platform === 'win32';
  const given = shell ? args.map((argument) => `"${argument}"`) : args;
  const output = execFileSync('npm', given, { cwd: folder, encoding: 'utf8', maxBuffer: 2 ** 26, shell });
  // What scripts print comes before.
  const [packed] = JSON.parse(output.slice(output.search(/^\[/m))) as [Packed];
  return join(destination, packed.filename);
}
