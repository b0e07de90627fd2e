import type { RemoteFile } from './remote-file.ts';

/** What decides which files of a repository are wanted. */
export interface Choice {
  /** A type of weights as GGUF files are named by (`f16`, `q4_k_m`, `iq4_xs`), in either case, or `auto`. */
  readonly encoding: string;
  /** Whether only GGUF files can have that type: then they go before a checkpoint in the same repository. */
  readonly isGgufOnly: boolean;
  /** A type of weights for the projector of a GGUF model. */
  readonly mmprojEncoding: string;
  /** As given to `--weight-path`: the path of a GGUF file within the repository. */
  readonly weightPath: string | undefined;
  /** As given to `--mmproj`: the path of a projector within the repository. */
  readonly mmproj: string | undefined;
  /** Bytes of the projector that is used instead of one of the repository. */
  readonly otherProjectorBytes?: number | undefined;
  /** Memory that a GGUF model may take, for `auto`; undefined if it is not known. */
  readonly memoryBytes: () => Promise<number | undefined>;
  /** An adapter without its model will do: it is merged into one. */
  readonly takesAdapter?: boolean;
  /** What `auto` does if no GGUF model fits the memory. */
  readonly ifNoneFits: 'refuse' | 'smallest';
  /** Throws when the configuration of a checkpoint is of no model that can be converted as asked. */
  readonly checkConfig: (config: Readonly<Record<string, unknown>>) => Promise<{ readonly hasVision: boolean }>;
}

/** The GGUF files to serve. */
export interface GgufChoice {
  /** The first part of a split model. */
  readonly model: RemoteFile;
  readonly mmproj: RemoteFile | undefined;
  /** Every model of the repository, the one chosen included: the type that its name tells, and all its bytes. */
  readonly models: readonly { readonly path: string; readonly encoding: string | undefined; readonly bytes: number }[];
}

/** Files that are known by their paths. */
export interface NamedFiles {
  readonly paths: readonly string[];
}

/** The files to fetch. */
export interface ChosenFiles {
  readonly files: readonly RemoteFile[];
  /** Bytes of the weights that are converted: 0 for a GGUF model. */
  readonly weightBytes: number;
  /** The GGUF files to serve; undefined for a checkpoint. */
  readonly gguf: GgufChoice | undefined;
  /** Why these, where `auto` chose. */
  readonly reason: string | undefined;
  /** What the user should know before the files are fetched. */
  readonly warning?: string | undefined;
}

/** Reads files of the repository. */
export interface RepositoryReader {
  /** A small file as text. */
  readonly readText: (file: RemoteFile) => Promise<string>;
  /** The first bytes of a file: at most so many. */
  readonly readStart: (file: RemoteFile, maxBytes: number) => Promise<Uint8Array>;
  /** Offline: whether the whole file is on this machine. Undefined online. */
  readonly isHere?: ((file: RemoteFile) => Promise<boolean>) | undefined;
}
