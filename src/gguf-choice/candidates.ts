import { companionKindInName, encodingInName, isGguf, isProjectorName, splitPart } from './names.ts';

/** A file of a repository or a folder. */
export interface GgufFile {
  /** Within the repository or the folder, slash-separated. */
  readonly path: string;
  readonly bytes: number;
}

/** A GGUF model, judged by name: one file, or the parts of a split one. */
export interface Candidate<File extends GgufFile = GgufFile> {
  /** Of its first part. */
  readonly path: string;
  /** The first part comes first, unless it is missing. */
  readonly files: readonly [File, ...File[]];
  /** Paths of missing parts. */
  readonly missing: readonly string[];
  /** Of all files. */
  readonly bytes: number;
  readonly encoding: string | undefined;
}

/** Groups the GGUF files that may be models, judged by name. */
export function candidatesOf<File extends GgufFile>(files: readonly File[]): Candidate<File>[] {
  const models = files.filter(
    ({ path }) => isGguf(path) && !isProjectorName(path) && companionKindInName(path) === undefined,
  );
  const byPath = new Map(models.map((file) => [file.path, file]));
  const groups = new Map<string, Candidate<File>>();
  for (const file of models) {
    const names = splitPart(file.path)?.names ?? [file.path];
    const path = names[0] ?? file.path;
    if (groups.has(path)) continue;
    const [first = file, ...others] = names.flatMap((name) => byPath.get(name) ?? []);
    const bytes = [first, ...others].reduce((sum, part) => sum + part.bytes, 0);
    const missing = names.filter((name) => !byPath.has(name));
    groups.set(path, { path, files: [first, ...others], missing, bytes, encoding: encodingInName(path) });
  }
  return [...groups.values()];
}
