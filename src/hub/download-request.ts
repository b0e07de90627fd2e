import type { Choice, NamedFiles } from './choice.ts';
import type { DownloadTuning, HubSettings } from './hub-settings.ts';
import type { FileHash } from './remote-file.ts';

/** What happens during a download. */
export type DownloadEvent =
  | {
      readonly type: 'plan';
      readonly repository: string;
      readonly commit: string;
      /** Why these files, where there was a choice. */
      readonly reason: string | undefined;
      /** All files of the model; `bytesDone` counts what was present before. */
      readonly files: readonly { readonly path: string; readonly bytes: number; readonly bytesDone: number }[];
    }
  /** A file in another program's cache is hashed before it is used. */
  | { readonly type: 'check'; readonly path: string; readonly bytes: number }
  | { readonly type: 'progress'; readonly path: string; readonly bytes: number; readonly bytesDone: number }
  /** A file is in place, and its hash matches. */
  | { readonly type: 'done'; readonly path: string; readonly bytes: number }
  /** Something failed and is retried. */
  | { readonly type: 'retry'; readonly reason: string }
  /** Something the user should know. */
  | { readonly type: 'warning'; readonly message: string };

export interface DownloadRequest {
  /** `org/name`; see `isRepositoryId`. */
  readonly repository: string;
  /** A branch, a tag or a commit. */
  readonly revision: string;
  readonly choice: Choice | NamedFiles;
  readonly settings: HubSettings;
  /** The folder for downloads, with the layout of Hugging Face's cache. */
  readonly folder: string;
  /** Disk space that converting so many bytes of weights takes. */
  readonly conversionBytes: (weightBytes: number) => number;
  /** Download again even what is present. */
  readonly forceDownload: boolean;
  readonly userAgent: string;
  readonly tuning?: DownloadTuning;
  readonly onEvent: (event: DownloadEvent) => void;
  readonly signal: AbortSignal;
}

/** The files of a model on the disk. */
export interface DownloadedModel {
  /** The snapshot: a folder with all files under their own names. */
  readonly folder: string;
  readonly repository: string;
  readonly commit: string;
  readonly files: readonly { readonly path: string; readonly bytes: number; readonly hash: FileHash }[];
  /** The paths within `folder` of the GGUF files to serve; undefined for a checkpoint. */
  readonly gguf: { readonly model: string; readonly mmproj: string | undefined } | undefined;
}
